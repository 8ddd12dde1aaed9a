//! Searches: as they come, collected, page by page, or several at once.

use provlab_protocol::ldap::answer;
use provlab_protocol::ldap_controls::{Control, PagedResults};
use provlab_protocol::oid;

use super::client::{LdapConnection, accept, timed_out};
use super::error::LdapError;
use super::message::{Answer, Entry, Intermediate, Request, Search};

/// Most entries that one search may return before the connection is given up.
pub const MAX_ENTRIES: usize = 2_000_000;
/// Entries per page of a paged search: AD's own MaxPageSize.
pub const PAGE_SIZE: u32 = 1000;

/// What a search answers before its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// An entry with its controls.
    Entry(Entry, Vec<Control>),
    /// A message between entries.
    Between(Intermediate),
}

impl LdapConnection {
    /// Searches, handing each entry over as it arrives; returns the controls of the final answer.
    ///
    /// # Errors
    /// The server's refusal, or loss of the connection.
    pub async fn search_each(
        &mut self,
        search: &Search,
        controls: &[Control],
        each: &mut (dyn FnMut(Entry) + Send),
    ) -> Result<Vec<Control>, LdapError> {
        let mut entries = |found| {
            if let Found::Entry(entry, _) = found {
                each(entry);
            }
        };
        self.search_all(search, controls, &mut entries).await
    }

    /// As [`LdapConnection::search_each`], with the controls of each entry and with what comes between entries.
    ///
    /// # Errors
    /// The server's refusal, or loss of the connection.
    pub async fn search_all(
        &mut self,
        search: &Search,
        controls: &[Control],
        each: &mut (dyn FnMut(Found) + Send),
    ) -> Result<Vec<Control>, LdapError> {
        let operation = "search";
        let deadline = self.timeout;
        let clock = self.clock.clone();
        let endpoint = self.endpoint.clone();
        let searching = async {
            let id = self.send(operation, &Request::Search(search), controls).await?;
            let mut count = 0usize;
            loop {
                let message = self.receive(operation, id).await?;
                match message.answer {
                    Answer::Entry(entry) => {
                        count = self.counted(count)?;
                        each(Found::Entry(entry, message.controls));
                    }
                    Answer::Intermediate(between) => {
                        count = self.counted(count)?;
                        each(Found::Between(between));
                    }
                    Answer::Reference => {} // referral chasing is off by default (CS 9.3)
                    Answer::Outcome(answer::SEARCH_DONE, outcome) => {
                        return accept(operation, outcome, &message.controls).map(|_| message.controls);
                    }
                    Answer::Outcome(other, _) => return Err(self.out_of_place(operation, other)),
                }
            }
        };
        clock
            .timeout(deadline, searching)
            .await
            .unwrap_or_else(|_| Err(timed_out(&endpoint, operation, deadline)))
    }

    /// Searches and collects the entries.
    ///
    /// # Errors
    /// The server's refusal, or loss of the connection.
    pub async fn search(&mut self, search: &Search) -> Result<Vec<Entry>, LdapError> {
        self.search_with(search, &[]).await.map(|(entries, _)| entries)
    }

    /// Searches with controls; gives the entries and the controls of the final answer.
    ///
    /// # Errors
    /// The server's refusal, or loss of the connection.
    pub async fn search_with(
        &mut self,
        search: &Search,
        controls: &[Control],
    ) -> Result<(Vec<Entry>, Vec<Control>), LdapError> {
        let mut entries = Vec::new();
        let controls = self
            .search_each(search, controls, &mut |entry| entries.push(entry))
            .await?;
        Ok((entries, controls))
    }

    /// Searches page by page until the server has no more (PR 15.3).
    ///
    /// # Errors
    /// The server's refusal, or loss of the connection.
    pub async fn search_paged(
        &mut self,
        search: &Search,
        controls: &[Control],
    ) -> Result<Vec<Entry>, LdapError> {
        let mut entries = Vec::new();
        let mut cookie = Vec::new();
        loop {
            let mut all = controls.to_vec();
            let page = PagedResults {
                size: PAGE_SIZE,
                cookie,
            };
            all.push(Control::new(oid::control::PAGED_RESULTS, true).with_value(page.to_value()));
            let answered = self
                .search_each(search, &all, &mut |entry| entries.push(entry))
                .await?;
            cookie = self.page_cookie(&answered)?;
            if cookie.is_empty() {
                return Ok(entries);
            }
            if entries.len() > MAX_ENTRIES {
                return Err(self.violation(format!("more than {MAX_ENTRIES} entries in one answer")));
            }
        }
    }

    /// Searches several times in one go: all requests leave before the first answer is read. Gives the entries of each
    /// search in the order of the searches, whatever order the server answers in.
    ///
    /// # Errors
    /// The server's refusal of any of them, or loss of the connection.
    pub async fn search_together(&mut self, searches: &[Search]) -> Result<Vec<Vec<Entry>>, LdapError> {
        let operation = "search";
        let deadline = self.timeout;
        let clock = self.clock.clone();
        let endpoint = self.endpoint.clone();
        let searching = async {
            let mut open = Vec::with_capacity(searches.len());
            for search in searches {
                open.push(Some(self.send(operation, &Request::Search(search), &[]).await?));
            }
            let mut found = vec![Vec::new(); searches.len()];
            let mut count = 0usize;
            while open.iter().any(Option::is_some) {
                let message = self.receive_one_of(operation, &open).await?;
                let Some(index) = open.iter().position(|id| *id == Some(message.id)) else {
                    continue;
                };
                match message.answer {
                    Answer::Entry(entry) => {
                        count = self.counted(count)?;
                        found[index].push(entry);
                    }
                    Answer::Reference | Answer::Intermediate(_) => {}
                    Answer::Outcome(answer::SEARCH_DONE, outcome) => {
                        accept(operation, outcome, &message.controls)?;
                        open[index] = None;
                    }
                    Answer::Outcome(other, _) => return Err(self.out_of_place(operation, other)),
                }
            }
            Ok(found)
        };
        clock
            .timeout(deadline, searching)
            .await
            .unwrap_or_else(|_| Err(timed_out(&endpoint, operation, deadline)))
    }

    /// One more answer to a search.
    fn counted(&self, count: usize) -> Result<usize, LdapError> {
        if count == MAX_ENTRIES {
            return Err(self.violation(format!("more than {MAX_ENTRIES} entries in one answer")));
        }
        Ok(count + 1)
    }

    fn page_cookie(&self, controls: &[Control]) -> Result<Vec<u8>, LdapError> {
        let Some(value) = controls
            .iter()
            .find(|control| control.oid == oid::control::PAGED_RESULTS)
            .and_then(|control| control.value.as_deref())
        else {
            return Ok(Vec::new());
        };
        PagedResults::from_value(value)
            .map(|page| page.cookie)
            .map_err(|error| LdapError::protocol(&self.endpoint, &error))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::directory::ldap::{Filter, LDAP_PORT, Scope};
    use crate::testing::{World, simulate};
    use provlab_platform::Endpoint;
    use provlab_protocol::ber::{self, Reader, Writer};
    use provlab_protocol::ldap;
    use std::time::Duration;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    /// Finds one object of this name.
    fn found(id: i32, dn: &str) -> Vec<u8> {
        let mut out = Writer::new();
        ldap::write_message(&mut out, id, &[], |out| {
            out.constructed(answer::SEARCH_DONE, |out| {
                out.octets(b"");
                out.octets(b"");
                out.enumerated(0);
            });
        });
        ldap::write_message(&mut out, id, &[], |out| {
            out.constructed(answer::SEARCH_ENTRY, |out| {
                out.constructed(ber::SEQUENCE, |_| {});
                out.octets(dn.as_bytes());
            });
        });
        out.as_slice().to_vec()
    }

    #[test]
    fn answers_find_their_searches_in_any_order() {
        simulate(async {
            let world = World::new();
            let at = Endpoint::new("dc1.contoso.com", LDAP_PORT);
            let doors = world.doors(&at.host);
            let listener = doors.net.listen(&at).await.unwrap();
            tokio::spawn(async move {
                let mut stream = listener.accept().await.unwrap();
                let mut requests = Vec::new();
                // Both requests are there before anything is answered.
                while Reader::new(&requests).sequence().is_err() || {
                    let mut reader = Reader::new(&requests);
                    reader.sequence().is_ok() && reader.sequence().is_err()
                } {
                    stream.read_buf(&mut requests).await.unwrap();
                }
                let answers = [found(2, "CN=second"), found(9, "CN=stray"), found(1, "CN=first")];
                stream.write_all(&answers.concat()).await.unwrap();
                std::future::pending::<()>().await;
            });
            let platform = &world.host.platform;
            let stream = platform.net.connect(&at).await.unwrap();
            let limit = Duration::from_secs(30);
            let mut connection = LdapConnection::over(stream, at, platform.clock.clone(), limit);
            let search = Search {
                base: String::new(),
                scope: Scope::Base,
                filter: Filter::present("objectClass"),
                attributes: Vec::new(),
            };
            let results = connection
                .search_together(&[search.clone(), search])
                .await
                .unwrap();
            let names: Vec<_> = results.iter().flatten().map(|entry| entry.dn.as_str()).collect();
            assert_eq!(names, ["CN=first", "CN=second"]);
        });
    }
}

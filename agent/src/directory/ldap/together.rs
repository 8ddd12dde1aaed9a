//! Several searches in one go: all requests leave before the first answer is read.

use super::client::{LdapConnection, MAX_ENTRIES, accept, timed_out};
use super::error::LdapError;
use super::message::{Answer, Entry, Request, Search};
use provlab_protocol::ldap::answer;

impl LdapConnection {
    /// The entries of each search, in the order of the searches, whatever order the server answers in.
    ///
    /// # Errors
    /// The server's refusal of any of them, or loss of the connection.
    pub async fn search_together(&mut self, searches: &[Search]) -> Result<Vec<Vec<Entry>>, LdapError> {
        let operation = "search";
        let deadline = self.timeout();
        let clock = self.clock();
        let endpoint = self.endpoint().clone();
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
                        count += 1;
                        if count > MAX_ENTRIES {
                            return Err(
                                self.violation(format!("more than {MAX_ENTRIES} entries in one answer"))
                            );
                        }
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
}

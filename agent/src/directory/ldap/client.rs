//! One connection to one directory server: a request, its answers, and a limit on everything the server may do.
//!
//! Operations run one after the other. Every one has a deadline; a server that answers too much, too late, or
//! something that is not LDAP costs an error, never a hang or a panic.

use std::time::Duration;

use bytes::{Buf, BytesMut};
use provlab_platform::net::ClientTls;
use provlab_platform::{Clock, Endpoint, Platform, Stream};
use provlab_protocol::ber;
use provlab_protocol::ldap::answer;
use provlab_protocol::ldap_controls::Control;
use provlab_protocol::oid;
use provlab_protocol::ppolicy::{PasswordPolicyResponse, PolicyError};
use secrecy::{ExposeSecret, SecretString};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::error::{LdapError, Refusal, ResultCode};
use super::message::{Answer, Attribute, Change, Message, Outcome, Request, decode, encode};
use super::sealed::Transport;
use crate::directory::kerberos::SecurityContext;

/// Longest answer that is accepted. A group of 50,000 members (CS 2.6) needs about 6 MiB.
pub const MAX_MESSAGE_BYTES: usize = 32 * 1024 * 1024;
/// `LdapConnectionTimeoutInMilliseconds` when the registry has no value (CS 9.3).
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);
/// LDAP over TLS.
pub const LDAPS_PORT: u16 = 636;
/// LDAP in clear, until StartTLS.
pub const LDAP_PORT: u16 = 389;

const READ_CHUNK: usize = 64 * 1024;

/// How the transport is protected; a bind in clear is never attempted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protection {
    /// TLS from the first byte, port 636.
    Ldaps,
    /// TLS by the StartTLS operation, port 389.
    StartTls,
}

/// A protected connection.
pub struct LdapConnection {
    stream: Transport,
    pub(super) endpoint: Endpoint,
    pub(super) clock: Clock,
    /// How long one operation may take.
    pub(super) timeout: Duration,
    next_id: i32,
    buffer: BytesMut,
}

impl LdapConnection {
    /// Connects to `server` and protects the stream before anything secret can be sent.
    ///
    /// # Errors
    /// When the server cannot be reached, is not the one its certificate names, or refuses StartTLS.
    pub async fn open(
        platform: &Platform,
        server: &str,
        protection: Protection,
        timeout: Duration,
    ) -> Result<Self, LdapError> {
        let port = match protection {
            Protection::Ldaps => LDAPS_PORT,
            Protection::StartTls => LDAP_PORT,
        };
        let endpoint = Endpoint::new(server, port);
        let opening = async {
            let clear = platform.net.connect(&endpoint).await?;
            match protection {
                Protection::Ldaps => Ok(clear),
                Protection::StartTls => {
                    let mut connection = Self::over(clear, endpoint.clone(), platform.clock.clone(), timeout);
                    connection
                        .roundtrip("StartTLS", &Request::StartTls, &[], answer::EXTENDED)
                        .await?;
                    // Bytes sent ahead of the handshake are somebody else's words in our session.
                    if connection.has_unread() {
                        return Err(
                            connection.violation("data in clear after the answer to StartTLS".to_owned())
                        );
                    }
                    connection.into_stream()
                }
            }
        };
        let clear = platform
            .clock
            .timeout(timeout, opening)
            .await
            .unwrap_or_else(|_| Err(timed_out(&endpoint, "connect", timeout)))?;
        let tls = ClientTls {
            server_name: server.to_owned(),
            identity: None,
        };
        let stream = platform
            .clock
            .timeout(timeout, platform.net.secure_client(clear, &tls))
            .await
            .map_err(|_| timed_out(&endpoint, "TLS handshake", timeout))??;
        Ok(Self::over(stream, endpoint, platform.clock.clone(), timeout))
    }

    /// Speaks over a stream that is connected already.
    pub fn over(stream: Stream, endpoint: Endpoint, clock: Clock, timeout: Duration) -> Self {
        Self {
            stream: Transport::Plain(stream),
            endpoint,
            clock,
            timeout,
            next_id: 0,
            buffer: BytesMut::new(),
        }
    }

    /// Whether the server said more than was read.
    pub(super) fn has_unread(&self) -> bool {
        !self.buffer.is_empty()
    }

    /// The stream, when no security context lies over it.
    fn into_stream(self) -> Result<Stream, LdapError> {
        match self.stream {
            Transport::Plain(stream) => Ok(stream),
            Transport::Sealed(_) => Err(LdapError::Protocol {
                endpoint: self.endpoint,
                detail: "StartTLS on a sealed connection".to_owned(),
            }),
        }
    }

    /// Seals everything from here on.
    pub(super) fn sealed_by(self, context: SecurityContext) -> Self {
        Self {
            stream: self.stream.seal(context),
            ..self
        }
    }

    /// The server at the other end.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Simple bind by DN, UPN or `DOMAIN\name`.
    ///
    /// # Errors
    /// [`LdapError::EmptyPassword`] without asking the server; the server's refusal with AD's sub-code in its text (PR 16.3),
    /// or with the password policy's error where the server has such a policy. A server that lets a user in only to change
    /// the password has refused, too.
    pub async fn bind(&mut self, name: &str, password: &SecretString) -> Result<(), LdapError> {
        if password.expose_secret().is_empty() {
            return Err(LdapError::EmptyPassword);
        }
        let request = Request::Bind {
            name,
            password: password.expose_secret(),
        };
        let policy = Control::new(oid::control::PASSWORD_POLICY, false);
        let answered = self.roundtrip("bind", &request, &[policy], answer::BIND).await?;
        match policy_error(&answered) {
            Some(error @ PolicyError::ChangeAfterReset) => Err(LdapError::Refused(Box::new(Refusal {
                operation: "bind",
                code: ResultCode::SUCCESS,
                matched_dn: String::new(),
                diagnostic: String::new(),
                policy: Some(error),
            }))),
            _ => Ok(()),
        }
    }

    /// Adds an object.
    ///
    /// # Errors
    /// The server's refusal, or loss of the connection.
    pub async fn add(&mut self, dn: &str, attributes: &[Attribute]) -> Result<(), LdapError> {
        self.roundtrip("add", &Request::Add { dn, attributes }, &[], answer::ADD)
            .await
            .map(drop)
    }

    /// Changes an object.
    ///
    /// # Errors
    /// The server's refusal, or loss of the connection.
    pub async fn modify(
        &mut self,
        dn: &str,
        changes: &[Change],
        controls: &[Control],
    ) -> Result<(), LdapError> {
        self.roundtrip(
            "modify",
            &Request::Modify { dn, changes },
            controls,
            answer::MODIFY,
        )
        .await
        .map(drop)
    }

    /// Deletes an object that has nothing below it.
    ///
    /// # Errors
    /// The server's refusal, or loss of the connection.
    pub async fn delete(&mut self, dn: &str) -> Result<(), LdapError> {
        self.roundtrip("delete", &Request::Delete { dn }, &[], answer::DELETE)
            .await
            .map(drop)
    }

    /// Renames an object, and moves it below `new_superior` where one is given.
    ///
    /// # Errors
    /// The server's refusal, or loss of the connection.
    pub async fn rename(
        &mut self,
        dn: &str,
        new_rdn: &str,
        new_superior: Option<&str>,
    ) -> Result<(), LdapError> {
        let request = Request::ModifyDn {
            dn,
            new_rdn,
            new_superior,
        };
        self.roundtrip("modify DN", &request, &[], answer::MODIFY_DN)
            .await
            .map(drop)
    }

    /// Says good-bye; failures do not matter any more.
    pub async fn unbind(mut self) {
        let _ = self.send("unbind", &Request::Unbind, &[]).await;
        let _ = self.clock.timeout(self.timeout, self.stream.shutdown()).await;
    }

    async fn roundtrip(
        &mut self,
        operation: &'static str,
        request: &Request<'_>,
        controls: &[Control],
        expected: u8,
    ) -> Result<Vec<Control>, LdapError> {
        self.exchange(operation, request, controls, expected)
            .await
            .map(|(_, controls)| controls)
    }

    /// One request and the answer that ends it, which must be a success.
    pub(super) async fn exchange(
        &mut self,
        operation: &'static str,
        request: &Request<'_>,
        controls: &[Control],
        expected: u8,
    ) -> Result<(Outcome, Vec<Control>), LdapError> {
        let deadline = self.timeout;
        let clock = self.clock.clone();
        let endpoint = self.endpoint.clone();
        let exchange = async {
            let id = self.send(operation, request, controls).await?;
            let message = self.receive(operation, id).await?;
            match message.answer {
                Answer::Outcome(found, outcome) if found == expected => {
                    accept(operation, outcome, &message.controls).map(|outcome| (outcome, message.controls))
                }
                Answer::Outcome(other, _) => Err(self.out_of_place(operation, other)),
                _ => Err(self.violation(format!("a search answer to a {operation}"))),
            }
        };
        clock
            .timeout(deadline, exchange)
            .await
            .unwrap_or_else(|_| Err(timed_out(&endpoint, operation, deadline)))
    }

    pub(super) async fn send(
        &mut self,
        operation: &'static str,
        request: &Request<'_>,
        controls: &[Control],
    ) -> Result<i32, LdapError> {
        // Message ids run from 1 to maxInt and start again; 0 is the server's own.
        self.next_id = self.next_id.checked_add(1).unwrap_or(1);
        let bytes = zeroize::Zeroizing::new(encode(self.next_id, request, controls));
        let written = async {
            self.stream.write_all(&bytes).await?;
            self.stream.flush().await
        };
        written.await.map_err(|error| LdapError::Broken {
            endpoint: self.endpoint.clone(),
            operation,
            detail: error.to_string(),
        })?;
        Ok(self.next_id)
    }

    pub(super) async fn receive(&mut self, operation: &'static str, id: i32) -> Result<Message, LdapError> {
        self.receive_one_of(operation, &[Some(id)]).await
    }

    /// The next answer to one of these requests; answers to requests that were given up are skipped.
    pub(super) async fn receive_one_of(
        &mut self,
        operation: &'static str,
        ids: &[Option<i32>],
    ) -> Result<Message, LdapError> {
        loop {
            let message = self.receive_any(operation).await?;
            if ids.contains(&Some(message.id)) {
                return Ok(message);
            }
            if let (0, Answer::Outcome(_, outcome)) = (message.id, message.answer) {
                // Notice of disconnection (RFC 4511 section 4.4.1).
                return Err(LdapError::Broken {
                    endpoint: self.endpoint.clone(),
                    operation,
                    detail: format!("the server disconnects: {} {}", outcome.code, outcome.diagnostic),
                });
            }
        }
    }

    async fn receive_any(&mut self, operation: &'static str) -> Result<Message, LdapError> {
        loop {
            let header =
                ber::header(&self.buffer).map_err(|error| LdapError::protocol(&self.endpoint, &error))?;
            if let Some(header) = header {
                if header.tag != ber::SEQUENCE {
                    return Err(self.violation(format!(
                        "the server sent tag 0x{:02x} in place of a message",
                        header.tag
                    )));
                }
                let whole = header.total();
                if whole > MAX_MESSAGE_BYTES {
                    return Err(self.violation(format!(
                        "an answer of {whole} bytes; the limit is {MAX_MESSAGE_BYTES}"
                    )));
                }
                if let Some(frame) = self.buffer.get(..whole) {
                    let message =
                        decode(frame).map_err(|error| LdapError::protocol(&self.endpoint, &error))?;
                    self.buffer.advance(whole);
                    return Ok(message);
                }
                // Grow with what really arrives: a length field alone must not pin memory.
                self.buffer.reserve(READ_CHUNK.min(whole - self.buffer.len()));
            } else {
                self.buffer.reserve(READ_CHUNK);
            }
            let count = self.stream.read_buf(&mut self.buffer).await;
            match count {
                Ok(0) => return Err(self.broken(operation, "the server closed the connection")),
                Ok(_) => {}
                Err(error) => return Err(self.broken(operation, &error.to_string())),
            }
        }
    }

    fn broken(&self, operation: &'static str, detail: &str) -> LdapError {
        LdapError::Broken {
            endpoint: self.endpoint.clone(),
            operation,
            detail: detail.to_owned(),
        }
    }

    pub(super) fn violation(&self, detail: String) -> LdapError {
        LdapError::Protocol {
            endpoint: self.endpoint.clone(),
            detail,
        }
    }

    pub(super) fn out_of_place(&self, operation: &str, tag: u8) -> LdapError {
        self.violation(format!("answer 0x{tag:02x} to a {operation}"))
    }
}

/// Why the password policy refused, as far as the server tells it.
fn policy_error(controls: &[Control]) -> Option<PolicyError> {
    let control = controls
        .iter()
        .find(|control| control.oid == oid::control::PASSWORD_POLICY)?;
    let response = PasswordPolicyResponse::from_value(control.value.as_deref()?).ok()?;
    response.error
}

pub(super) fn accept(
    operation: &'static str,
    outcome: Outcome,
    controls: &[Control],
) -> Result<Outcome, LdapError> {
    if outcome.code == ResultCode::SUCCESS {
        return Ok(outcome);
    }
    Err(LdapError::Refused(Box::new(Refusal {
        operation,
        code: outcome.code,
        matched_dn: outcome.matched_dn,
        diagnostic: outcome.diagnostic,
        policy: policy_error(controls),
    })))
}

pub(super) fn timed_out(endpoint: &Endpoint, operation: &'static str, after: Duration) -> LdapError {
    LdapError::TimedOut {
        endpoint: endpoint.clone(),
        operation,
        after,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {
    use super::*;
    use crate::directory::ldap::{Entry, Filter, Scope, Search};
    use crate::testing::{World, simulate};
    use proptest::prelude::*;
    use provlab_platform::net::ServerTls;
    use provlab_protocol::ber::Writer;
    use provlab_protocol::ldap;

    const DC: &str = "dc1.contoso.com";
    /// Contents of the longest answer behind a header of six bytes.
    const LARGEST: u32 = MAX_MESSAGE_BYTES as u32 - 6;

    /// A server that answers the first request with these bytes; then it closes or stays silent.
    async fn server(world: &World, answer: Vec<u8>, closes: bool) {
        let doors = world.doors(DC);
        let listener = doors.net.listen(&Endpoint::new(DC, LDAPS_PORT)).await.unwrap();
        tokio::spawn(async move {
            let stream = listener.accept().await.unwrap();
            let tls = ServerTls {
                names: vec![DC.to_owned()],
                request_client_certificate: false,
            };
            let mut stream = doors.net.secure_server(stream, &tls).await.unwrap();
            let mut request = [0; 1024];
            let _ = stream.read(&mut request).await;
            let _ = stream.write_all(&answer).await;
            if !closes {
                std::future::pending::<()>().await;
            }
        });
    }

    async fn open(world: &World) -> LdapConnection {
        LdapConnection::open(&world.host.platform, DC, Protection::Ldaps, DEFAULT_TIMEOUT)
            .await
            .unwrap()
    }

    async fn search_against(world: &World, answer: Vec<u8>, closes: bool) -> Result<Vec<Entry>, LdapError> {
        server(world, answer, closes).await;
        let search = Search {
            base: String::new(),
            scope: Scope::Base,
            filter: Filter::present("objectClass"),
            attributes: Vec::new(),
        };
        open(world).await.search(&search).await
    }

    fn searched(answer: &[u8], closes: bool) -> Result<Vec<Entry>, LdapError> {
        simulate(async { search_against(&World::new(), answer.to_vec(), closes).await })
    }

    #[test]
    fn malformed_answers_are_protocol_errors() {
        let oversized = [&[0x30, 0x84][..], &(LARGEST + 1).to_be_bytes()].concat();
        for answer in [
            &b"HTTP/1.1 400 Bad Request\r\n\r\n"[..],
            &[0x30, 0x00],
            &[0x30, 0x03, 0x02, 0x01, 0x01],
            &[0x30, 0x80, 0x00, 0x00],
            &[0xff; 64],
            &oversized,
        ] {
            let result = searched(answer, false);
            assert!(
                matches!(result, Err(LdapError::Protocol { .. })),
                "{answer:02x?}: {result:?}"
            );
        }
    }

    #[test]
    fn an_answer_of_the_largest_size_is_waited_for() {
        let largest = [&[0x30, 0x84][..], &LARGEST.to_be_bytes()].concat();
        assert!(matches!(
            searched(&largest, false),
            Err(LdapError::TimedOut { .. })
        ));
    }

    #[test]
    fn silence_ends_after_the_time_limit() {
        simulate(async {
            let world = World::new();
            let result = search_against(&world, Vec::new(), false).await;
            let Err(error @ LdapError::TimedOut { .. }) = result else {
                panic!("{result:?}")
            };
            assert!(error.to_string().starts_with(
                "The operation was aborted because the client side timeout limit was exceeded."
            ));
            assert!(world.host.platform.clock.now() >= DEFAULT_TIMEOUT);
        });
    }

    #[test]
    fn a_close_in_mid_answer_is_a_broken_connection() {
        assert!(matches!(
            searched(&[0x30, 0x10, 0x02], true),
            Err(LdapError::Broken { .. })
        ));
    }

    #[test]
    fn a_notice_of_disconnection_is_told() {
        let mut notice = Writer::new();
        ldap::write_message(&mut notice, 0, &[], |out| {
            out.constructed(answer::EXTENDED, |out| {
                out.octets(b"going down");
                out.octets(b"");
                out.enumerated(52);
            });
        });
        let error = searched(notice.as_slice(), false).unwrap_err().to_string();
        assert!(error.contains("52 unavailable going down"), "{error}");
    }

    #[test]
    fn an_empty_password_is_never_sent() {
        simulate(async {
            let world = World::new();
            server(&world, Vec::new(), false).await;
            let result = open(&world)
                .await
                .bind("CONTOSO\\Administrator", &String::new().into())
                .await;
            assert!(matches!(result, Err(LdapError::EmptyPassword)));
        });
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn whatever_a_server_sends_the_search_ends(answer: Vec<u8>) {
            prop_assert!(searched(&answer, true).is_err());
        }
    }
}

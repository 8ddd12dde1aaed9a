//! Answers the cloud's queries, with one session for each domain that stays open between them.

use std::collections::BTreeMap;
use std::sync::Arc;

use provlab_platform::crypto::{Md5, Md5Error};
use provlab_platform::{Entropy, Part, event};
use provlab_protocol::scim::{CredentialPage, CredentialQuery};
use tokio::sync::Mutex;

use super::error::PasswordError;
use super::page::PageReader;
use crate::directory::drsuapi::{DrsuapiError, Position, Replica};
use crate::host::HostMachine;
use crate::service::ServiceLogon;

type Session = Arc<Mutex<Option<Replica>>>;

/// Reads password hashes as the service's account.
pub(crate) struct PasswordReader {
    host: HostMachine,
    /// Whether the process keeps to the host's FIPS policy, as its configuration said when it started (CS 7.4).
    enforces_fips: bool,
    salts: Entropy,
    sessions: Mutex<BTreeMap<String, Session>>,
}

impl PasswordReader {
    pub(crate) fn new(host: HostMachine, enforces_fips: bool) -> Self {
        Self {
            salts: host.platform.entropy.fork("password-salts"),
            host,
            enforces_fips,
            sessions: Mutex::default(),
        }
    }

    /// One page of the domain's password hashes. A session that turns out dead is opened once more.
    pub(crate) async fn page(
        &self,
        query: &CredentialQuery,
        logon: &ServiceLogon,
        preferred: &[String],
    ) -> Result<CredentialPage, PasswordError> {
        // Without MD5 nothing that a domain controller says can be opened, so it is not asked.
        let md5 = self.md5()?;
        let position = query
            .cookie
            .as_ref()
            .map(|cookie| Position::from_bytes(&cookie.0))
            .transpose()?;
        let domain = query.domain.to_ascii_lowercase();
        let session = self.sessions.lock().await.entry(domain).or_default().clone();
        let mut session = session.lock().await;
        let fresh = session.is_none();
        let work = Work {
            query,
            logon,
            preferred,
            md5: &md5,
        };
        match self.attempt(&mut session, &work, position.as_ref()).await {
            Err(error) if error.is_fatal() && !fresh => {
                self.attempt(&mut session, &work, position.as_ref()).await
            }
            result => result,
        }
    }

    fn md5(&self) -> Result<Md5, Md5Error> {
        self.host.platform.crypto.md5(self.enforces_fips)
    }

    async fn attempt(
        &self,
        session: &mut Option<Replica>,
        work: &Work<'_>,
        position: Option<&Position>,
    ) -> Result<CredentialPage, PasswordError> {
        let mut replica = match session.take() {
            Some(replica) => replica,
            None => self.open(work).await?,
        };
        // The session is put back only when it is still good: also a request that is given up half-way closes it.
        let reader = PageReader {
            replica: &mut replica,
            md5: work.md5,
            salts: &self.salts,
            trace: &self.host.platform.trace,
        };
        let result = if work.query.ids.is_empty() {
            reader.page(position, work.query.count).await
        } else {
            reader.users(&work.query.ids).await
        };
        if result.as_ref().err().is_none_or(|error| !error.is_fatal()) {
            *session = Some(replica);
        }
        result
    }

    async fn open(&self, work: &Work<'_>) -> Result<Replica, PasswordError> {
        let host = &self.host;
        let domain = &work.query.domain;
        let account = work.logon.ntlm_account(host, Part::Agent).await?;
        let mut last = DrsuapiError::NoController(domain.clone());
        for server in host.controllers_of(domain, work.preferred) {
            let opened = Replica::open(
                &host.platform,
                &server,
                domain,
                &account,
                host.registry.ldap_timeout(),
            )
            .await;
            event!(
                host.platform.trace,
                Part::Agent,
                "drsuapi.logon",
                domain = domain,
                server = server,
                user = account.name(),
                outcome = match &opened {
                    Ok(_) => "success".to_owned(),
                    Err(error) if error.is_transient() => "unreachable".to_owned(),
                    Err(error) => error.to_string(),
                }
            );
            match opened {
                Ok(replica) => return Ok(replica),
                Err(error) if error.is_transient() => last = error,
                Err(error) => return Err(error.into()),
            }
        }
        Err(last.into())
    }
}

/// What a query is answered with.
struct Work<'a> {
    query: &'a CredentialQuery,
    logon: &'a ServiceLogon,
    preferred: &'a [String],
    md5: &'a Md5,
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::convert::Infallible;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use provlab_platform::Crypto;
    use provlab_platform::crypto::CryptoPolicy;
    use provlab_protocol::drsuapi::{
        Attribute, BindReply, ChangesReply, ChangesRequest, ContextHandle, ControllerInfo,
        ControllerInfoReply, DrsError, DrsExtensions, DsName, ExtendedOperation, ExtendedResult, PrefixTable,
        ReplicatedObject, UsnVector, opnum, secret,
    };
    use provlab_protocol::guid::Guid;
    use provlab_protocol::nt_hash::{NtHash, nt_hash};
    use provlab_protocol::scim::Watermark;

    use super::*;
    use crate::directory::drsuapi::stub::{self, DC, Script};
    use crate::testing::{World, simulate};

    const USER: &str = "1.2.840.113556.1.5.9";
    const OBJECT_CLASS: &str = "2.5.4.0";
    const UNICODE_PWD: &str = "1.2.840.113556.1.4.90";

    fn query(cookie: Option<Watermark>) -> CredentialQuery {
        CredentialQuery::new("contoso.com", cookie, 50)
    }

    fn sealed(hash: &NtHash, key: &[u8]) -> Vec<u8> {
        let md5 = Crypto::simulated(CryptoPolicy::default(), DC).md5(true).unwrap();
        let digest = |parts: &[&[u8]]| Ok::<_, Infallible>(*md5.digest(parts).unwrap());
        let inner = secret::encrypt_by_rid(1105, hash);
        let Ok(value) = secret::seal(key, [7; 16], &inner, digest);
        value
    }

    /// Alice, whole or only her new hash.
    fn alice(key: &[u8], whole: bool) -> (ReplicatedObject, PrefixTable) {
        let mut prefixes = PrefixTable::default();
        let class = prefixes.add(USER).unwrap();
        let mut attributes = vec![Attribute {
            number: prefixes.add(UNICODE_PWD).unwrap(),
            values: vec![sealed(&nt_hash("Wonder-2026"), key)],
        }];
        let number = prefixes.add(OBJECT_CLASS).unwrap();
        if whole {
            let values = vec![class.0.to_le_bytes().to_vec()];
            attributes.push(Attribute { number, values });
        }
        let name = DsName {
            guid: Guid::from_u128(1),
            sid: Some("S-1-5-21-1-2-3-1105".parse().unwrap()),
            dn: "CN=alice".to_owned(),
        };
        let object = ReplicatedObject {
            name,
            attributes,
            ..ReplicatedObject::default()
        };
        (object, prefixes)
    }

    /// A domain controller that tells of Alice's new hash, and the rest of her when it is asked for. Every call that `breaks` counts
    /// down to is answered with nonsense.
    fn controller(breaks: Arc<AtomicUsize>) -> Script {
        Arc::new(move |number, stub, key| {
            Ok(match number {
                opnum::BIND => {
                    let reply = BindReply {
                        extensions: Some(DrsExtensions::client(0)),
                        handle: ContextHandle([1; 20]),
                        result: DrsError::SUCCESS,
                    };
                    reply.to_stub()
                }
                opnum::DOMAIN_CONTROLLER_INFO => {
                    let reply = ControllerInfoReply {
                        controllers: vec![ControllerInfo::default()],
                        result: DrsError::SUCCESS,
                    };
                    reply.to_stub()
                }
                _ if breaks.fetch_sub(1, Ordering::Relaxed) == 1 => vec![0; 4],
                _ => {
                    let request = ChangesRequest::from_stub(stub).unwrap();
                    let whole = request.extended_operation == ExtendedOperation::REPLICATE_OBJECT;
                    let (object, prefixes) = alice(key, whole);
                    let reply = ChangesReply {
                        invocation_id: Guid::from_u128(9),
                        to: UsnVector {
                            object_update: 7,
                            ..UsnVector::default()
                        },
                        prefixes,
                        extended_result: ExtendedResult(u32::from(whole)),
                        objects: vec![object],
                        ..ChangesReply::default()
                    };
                    reply.to_stub(0)
                }
            })
        })
    }

    async fn world(breaks: usize) -> (World, stub::Logons) {
        let world = World::new();
        let password = nt_hash("Comp-P@ss-1");
        let script = controller(Arc::new(AtomicUsize::new(breaks)));
        let logons = stub::serve(world.doors(DC), password, script).await;
        (world, logons)
    }

    #[test]
    fn what_a_page_leaves_out_is_read_and_the_session_stays_open() {
        simulate(async {
            let (world, logons) = world(0).await;
            let reader = PasswordReader::new(world.host.clone(), true);
            for _ in 0..2 {
                let page = reader
                    .page(&query(None), &ServiceLogon::Computer, &[])
                    .await
                    .unwrap();
                assert_eq!(page.resources.len(), 1);
                assert!(page.resources[0].credential_data.verify("Wonder-2026"));
                assert_eq!(page.replica_token.name, DC);
                assert_eq!(page.replica_token.invocation_id, Guid::from_u128(9).as_uuid());
            }
            assert_eq!(logons.lock().unwrap().as_slice(), [("AGENT1$".to_owned(), true)]);
        });
    }

    #[test]
    fn a_session_that_turns_out_dead_is_opened_once_more() {
        simulate(async {
            // Two calls for the first page; the third is broken.
            let (world, logons) = world(3).await;
            let reader = PasswordReader::new(world.host.clone(), true);
            for _ in 0..2 {
                let page = reader
                    .page(&query(None), &ServiceLogon::Computer, &[])
                    .await
                    .unwrap();
                assert_eq!(page.resources.len(), 1);
            }
            assert_eq!(logons.lock().unwrap().len(), 2);
        });
        simulate(async {
            // A fresh session is not tried again.
            let (world, logons) = world(1).await;
            let reader = PasswordReader::new(world.host.clone(), true);
            let error = reader
                .page(&query(None), &ServiceLogon::Computer, &[])
                .await
                .unwrap_err();
            assert!(error.is_fatal(), "{error}");
            assert_eq!(logons.lock().unwrap().len(), 1);
        });
    }

    #[test]
    fn under_the_fips_policy_nobody_is_asked_unless_the_configuration_lifts_it() {
        simulate(async {
            let (mut world, logons) = world(0).await;
            world.host.platform.crypto = Crypto::simulated(CryptoPolicy { fips: true }, "agent1");
            let enforced = PasswordReader::new(world.host.clone(), true);
            let error = enforced
                .page(&query(None), &ServiceLogon::Computer, &[])
                .await
                .unwrap_err();
            assert!(error.to_scim().is_not_fips_validated());
            assert!(logons.lock().unwrap().is_empty());
            let lifted = PasswordReader::new(world.host.clone(), false);
            let page = lifted
                .page(&query(None), &ServiceLogon::Computer, &[])
                .await
                .unwrap();
            assert_eq!(page.resources.len(), 1);
        });
    }

    #[test]
    fn damaged_watermarks_and_unknown_domains_are_refused() {
        simulate(async {
            let (world, logons) = world(0).await;
            let reader = PasswordReader::new(world.host.clone(), true);
            let damaged = query(Some(Watermark(b"PVS1".to_vec())));
            let error = reader
                .page(&damaged, &ServiceLogon::Computer, &[])
                .await
                .unwrap_err();
            assert!(matches!(error, PasswordError::Watermark(_)));
            assert!(logons.lock().unwrap().is_empty());
            let elsewhere = CredentialQuery::new("fabrikam.com", None, 50);
            let error = reader
                .page(&elsewhere, &ServiceLogon::Computer, &[])
                .await
                .unwrap_err();
            assert!(error.to_string().contains("fabrikam.com"), "{error}");
        });
    }
}

//! A session with one domain controller: what changed since a position, and single objects.

use std::time::Duration;

use provlab_platform::{Endpoint, Platform};
use provlab_protocol::dcerpc::endpoint_mapper::{self, MapReply, MapRequest};
use provlab_protocol::dcerpc::{FaultStatus, SyntaxId};
use provlab_protocol::dn::Dn;
use provlab_protocol::drsuapi::{
    BindReply, BindRequest, ChangesReply, ChangesRequest, ContextHandle, ControllerInfoReply,
    ControllerInfoRequest, DrsError, DrsExtensions, DsName, ExtendedOperation, ExtendedResult, INFO_LEVEL,
    NTDSAPI_CLIENT, PrefixTable, ReplicatedObject, ReplicationFlags, UsnVector, opnum,
};
use provlab_protocol::guid::Guid;
use provlab_protocol::ndr::NdrError;

use super::error::DrsuapiError;
use super::logon::NtlmAccount;
use super::rpc::{Answer, Logon, RpcConnection};
use super::watermark::Position;

/// Bytes wanted in an answer. A domain controller ends a page there even if it has not reached the number of objects.
const WANTED_BYTES: u32 = 1 << 20;

const DRS_BIND: &str = "IDL_DRSBind";
const CONTROLLER_INFO: &str = "IDL_DRSDomainControllerInfo";
const GET_NC_CHANGES: &str = "IDL_DRSGetNCChanges";

/// One page of changes.
#[derive(Debug)]
pub struct Page {
    /// The objects, in the order of their changes.
    pub objects: Vec<ReplicatedObject>,
    /// What the numbers of their attributes mean.
    pub prefixes: PrefixTable,
    /// Where the page ends.
    pub position: Position,
    /// Whether there is more.
    pub more: bool,
}

/// An open session.
pub struct Replica {
    connection: RpcConnection,
    handle: ContextHandle,
    /// objectGUID of the server's nTDSDSA object.
    dsa: Guid,
    /// Distinguished name of the domain.
    root: String,
}

impl Replica {
    /// Finds the interface on `server`, logs on and opens a session for `domain`. Where a hash is refused the account's next one is tried.
    ///
    /// # Errors
    /// When the server cannot be reached, refuses the logon, or does not hold the domain.
    pub async fn open(
        platform: &Platform,
        server: &str,
        domain: &str,
        account: &NtlmAccount,
        timeout: Duration,
    ) -> Result<Self, DrsuapiError> {
        let root = Dn::from_dns(domain)
            .map(|dn| dn.to_string())
            .map_err(|_| DrsuapiError::NoController(domain.to_owned()))?;
        let port = port_of(platform, server, timeout).await?;
        let workstation = platform
            .host
            .split('.')
            .next()
            .unwrap_or(&platform.host)
            .to_uppercase();
        let mut refused = DrsuapiError::LogonRefused {
            server: server.to_owned(),
            user: account.name(),
            detail: "the account has no password".to_owned(),
        };
        for hash in &account.hashes {
            let logon = Logon {
                account,
                hash,
                workstation: &workstation,
            };
            let endpoint = Endpoint::new(server, port);
            let mut connection =
                RpcConnection::open(platform, endpoint, SyntaxId::DRSUAPI, Some(logon), timeout).await?;
            match drs_bind(&mut connection, &account.name()).await {
                Ok(handle) => {
                    let dsa = own_dsa(&mut connection, handle, domain).await?;
                    return Ok(Self {
                        connection,
                        handle,
                        dsa,
                        root,
                    });
                }
                Err(error @ DrsuapiError::LogonRefused { .. }) => refused = error,
                Err(error) => return Err(error),
            }
        }
        Err(refused)
    }

    /// Name of the server.
    #[must_use]
    pub fn server(&self) -> &str {
        &self.connection.endpoint().host
    }

    /// The key that secrets are encrypted under.
    #[must_use]
    pub fn session_key(&self) -> &[u8] {
        self.connection.session_key()
    }

    /// What changed of the domain since a position, at most about `count` objects with these attributes; from the beginning without one.
    ///
    /// # Errors
    /// The server's refusal, or loss of the connection.
    pub async fn changes(
        &mut self,
        from: Option<&Position>,
        count: u32,
        attributes: &[&str],
    ) -> Result<Page, DrsuapiError> {
        let request = ChangesRequest {
            invocation_id: from.map_or(self.dsa, |position| position.invocation_id),
            naming_context: DsName::of_dn(self.root.as_str()),
            from: from.map_or_else(UsnVector::default, |position| position.usns),
            up_to_date: from
                .map(|position| position.up_to_date.clone())
                .filter(|cursors| !cursors.is_empty()),
            max_objects: count,
            max_bytes: WANTED_BYTES,
            ..self.request(attributes)
        };
        let known = request.up_to_date.clone().unwrap_or_default();
        let reply = self.get_changes(&request).await?;
        Ok(Page {
            objects: reply.objects,
            prefixes: reply.prefixes,
            position: Position {
                invocation_id: reply.invocation_id,
                usns: reply.to,
                // It comes with the end of an enumeration; until then the old one holds.
                up_to_date: reply.up_to_date.unwrap_or(known),
            },
            more: reply.more_data,
        })
    }

    /// One object as it is now, with what the numbers of its attributes mean; `None` when it is gone.
    ///
    /// # Errors
    /// The server's refusal, or loss of the connection.
    pub async fn object(
        &mut self,
        guid: Guid,
        attributes: &[&str],
    ) -> Result<Option<(ReplicatedObject, PrefixTable)>, DrsuapiError> {
        let request = ChangesRequest {
            naming_context: DsName::of_guid(guid),
            max_objects: 1,
            extended_operation: ExtendedOperation::REPLICATE_OBJECT,
            ..self.request(attributes)
        };
        match self.get_changes(&request).await {
            Ok(reply) if reply.extended_result == ExtendedResult::SUCCESS => {
                let prefixes = reply.prefixes;
                Ok(reply.objects.into_iter().next().map(|object| (object, prefixes)))
            }
            Ok(_) => Ok(None),
            Err(error) if error.replication_error() == Some(DrsError::DRA_BAD_DN) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn request(&self, attributes: &[&str]) -> ChangesRequest {
        let mut prefixes = PrefixTable::default();
        let attributes = attributes.iter().filter_map(|oid| prefixes.add(oid)).collect();
        prefixes.push_schema_info();
        ChangesRequest {
            handle: self.handle,
            destination: self.dsa,
            invocation_id: self.dsa,
            naming_context: DsName::default(),
            from: UsnVector::default(),
            up_to_date: None,
            flags: ReplicationFlags::READER,
            max_objects: 0,
            max_bytes: 0,
            extended_operation: ExtendedOperation::NONE,
            attributes: Some(attributes),
            prefixes,
        }
    }

    async fn get_changes(&mut self, request: &ChangesRequest) -> Result<ChangesReply, DrsuapiError> {
        let connection = &mut self.connection;
        let stub = call(
            connection,
            GET_NC_CHANGES,
            opnum::GET_NC_CHANGES,
            request.to_stub(),
        )
        .await?;
        match ChangesReply::from_stub(&stub) {
            Ok(reply) => reply.map_err(|error| failed(connection, GET_NC_CHANGES, error)),
            Err(error) => Err(unreadable(connection, GET_NC_CHANGES, error)),
        }
    }
}

/// Asks the endpoint mapper for the port of replication.
async fn port_of(platform: &Platform, server: &str, timeout: Duration) -> Result<u16, DrsuapiError> {
    const EPT_MAP: &str = "ept_map";
    let endpoint = Endpoint::new(server, endpoint_mapper::PORT);
    let mut connection =
        RpcConnection::open(platform, endpoint, SyntaxId::ENDPOINT_MAPPER, None, timeout).await?;
    let request = MapRequest::of_interface(SyntaxId::DRSUAPI);
    let stub = call(
        &mut connection,
        EPT_MAP,
        endpoint_mapper::OPNUM,
        request.to_stub(),
    )
    .await?;
    let reply = MapReply::from_stub(&stub).map_err(|error| connection.nonsense(&error.to_string()))?;
    reply
        .port_of(SyntaxId::DRSUAPI)
        .ok_or_else(|| DrsuapiError::NotServed {
            server: server.to_owned(),
        })
}

/// Gets a handle. Both ends have to name the same replication epoch, which the server tells first (CS 7.3, 8593).
async fn drs_bind(connection: &mut RpcConnection, user: &str) -> Result<ContextHandle, DrsuapiError> {
    let mut epoch = 0;
    loop {
        let request = BindRequest {
            client_dsa: Some(NTDSAPI_CLIENT),
            extensions: Some(DrsExtensions::client(epoch)),
        };
        let stub = match call(connection, DRS_BIND, opnum::BIND, request.to_stub()).await {
            // A wrong password has no answer of its own: the first call is refused.
            Err(DrsuapiError::Fault {
                server,
                status: status @ (FaultStatus::ACCESS_DENIED | FaultStatus::SECURITY_PACKAGE),
                ..
            }) => {
                return Err(DrsuapiError::LogonRefused {
                    server,
                    user: user.to_owned(),
                    detail: status.to_string(),
                });
            }
            other => other?,
        };
        let reply = BindReply::from_stub(&stub).map_err(|error| unreadable(connection, DRS_BIND, error))?;
        let theirs = reply.extensions.unwrap_or_default().replication_epoch;
        let differs = reply.result == DrsError::DIFFERENT_REPLICATION_EPOCHS || theirs != epoch;
        if epoch == 0 && theirs != 0 && differs {
            epoch = theirs;
            continue;
        }
        return match reply.result.into_result() {
            Ok(()) => Ok(reply.handle),
            Err(error) => Err(failed(connection, DRS_BIND, error)),
        };
    }
}

/// objectGUID of the server's own nTDSDSA object: a reader that is no domain controller gives it for its own (PR 13.6).
async fn own_dsa(
    connection: &mut RpcConnection,
    handle: ContextHandle,
    domain: &str,
) -> Result<Guid, DrsuapiError> {
    let request = ControllerInfoRequest {
        handle,
        domain: domain.to_owned(),
        level: INFO_LEVEL,
    };
    let operation = opnum::DOMAIN_CONTROLLER_INFO;
    let stub = call(connection, CONTROLLER_INFO, operation, request.to_stub()).await?;
    let reply = ControllerInfoReply::from_stub(&stub)
        .map_err(|error| unreadable(connection, CONTROLLER_INFO, error))?;
    reply
        .result
        .into_result()
        .map_err(|error| failed(connection, CONTROLLER_INFO, error))?;
    let server = &connection.endpoint().host;
    let is_server = |name: &Option<String>| {
        name.as_ref()
            .is_some_and(|name| name.eq_ignore_ascii_case(server))
    };
    let own = reply
        .controllers
        .iter()
        .find(|controller| is_server(&controller.dns_host_name));
    own.or(reply.controllers.first())
        .map(|controller| controller.ntds_dsa_guid)
        .ok_or_else(|| connection.nonsense("a domain without domain controllers"))
}

async fn call(
    connection: &mut RpcConnection,
    name: &'static str,
    opnum: u16,
    stub: Vec<u8>,
) -> Result<Vec<u8>, DrsuapiError> {
    match connection.call(name, opnum, stub).await? {
        Answer::Stub(stub) => Ok(stub),
        Answer::Fault(status) => Err(DrsuapiError::Fault {
            server: connection.endpoint().host.clone(),
            call: name,
            status,
        }),
    }
}

fn failed(connection: &RpcConnection, call: &'static str, error: DrsError) -> DrsuapiError {
    DrsuapiError::Failed {
        server: connection.endpoint().host.clone(),
        call,
        error,
    }
}

fn unreadable(connection: &RpcConnection, call: &'static str, error: NdrError) -> DrsuapiError {
    connection.nonsense(&format!("the answer to {call} cannot be read: {error}"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {
    use std::sync::{Arc, Mutex};

    use provlab_protocol::drsuapi::{ControllerInfo, UpToDateCursor};
    use provlab_protocol::nt_hash::nt_hash;

    use super::super::stub::{self, DC, Script};
    use super::*;
    use crate::testing::{World, simulate};

    const TIMEOUT: Duration = Duration::from_secs(30);
    const DSA: Guid = Guid::from_u128(0xD5A);
    const HANDLE: ContextHandle = ContextHandle([7; 20]);

    fn account(passwords: &[&str]) -> NtlmAccount {
        NtlmAccount {
            user: "provAgentgMSA$".to_owned(),
            domain: "CONTOSO".to_owned(),
            hashes: passwords.iter().map(|password| nt_hash(password)).collect(),
        }
    }

    async fn open(world: &World, passwords: &[&str]) -> Result<Replica, DrsuapiError> {
        let platform = &world.host.platform;
        Replica::open(platform, DC, "contoso.com", &account(passwords), TIMEOUT).await
    }

    fn bound(epoch: u32, result: DrsError) -> Vec<u8> {
        let reply = BindReply {
            extensions: Some(DrsExtensions::client(epoch)),
            handle: HANDLE,
            result,
        };
        reply.to_stub()
    }

    fn info() -> Vec<u8> {
        let controller = |name: &str, ntds_dsa_guid| ControllerInfo {
            dns_host_name: Some(name.to_owned()),
            ntds_dsa_guid,
            ..ControllerInfo::default()
        };
        let reply = ControllerInfoReply {
            controllers: vec![
                controller("dc2.contoso.com", Guid::NIL),
                controller("DC1.contoso.com", DSA),
            ],
            result: DrsError::SUCCESS,
        };
        reply.to_stub()
    }

    /// Answers the opening of a session, and everything else by `changes`.
    fn script(changes: impl Fn(ChangesRequest) -> Vec<u8> + Send + Sync + 'static) -> Script {
        Arc::new(move |opnum, stub, _| match opnum {
            opnum::BIND => Ok(bound(0, DrsError::SUCCESS)),
            opnum::DOMAIN_CONTROLLER_INFO => Ok(info()),
            opnum::GET_NC_CHANGES => Ok(changes(ChangesRequest::from_stub(stub).unwrap())),
            _ => Err(FaultStatus::NO_OPERATION),
        })
    }

    async fn dc(world: &World, script: Script) -> stub::Logons {
        stub::serve(world.doors(DC), nt_hash("right"), script).await
    }

    #[test]
    fn the_previous_password_is_tried_after_the_current_one() {
        simulate(async {
            let world = World::new();
            let logons = dc(&world, script(|_| unreachable!("nothing is asked"))).await;
            let replica = open(&world, &["new", "right"]).await.unwrap();
            assert_eq!((replica.server(), replica.dsa), (DC, DSA));
            assert_eq!(replica.session_key().len(), 16);
            let name = || "provAgentgMSA$".to_owned();
            assert_eq!(*logons.lock().unwrap(), [(name(), false), (name(), true)]);
            let error = open(&world, &["wrong"]).await.err().unwrap();
            assert!(matches!(error, DrsuapiError::LogonRefused { .. }), "{error}");
            assert!(!error.is_transient());
            assert!(error.to_string().contains(r"CONTOSO\provAgentgMSA$"));
        });
    }

    #[test]
    fn the_servers_replication_epoch_is_taken_over() {
        simulate(async {
            let world = World::new();
            let epochs = Arc::new(Mutex::new(Vec::new()));
            let seen = Arc::clone(&epochs);
            let script: Script = Arc::new(move |opnum, stub, _| match opnum {
                opnum::BIND => {
                    let epoch = BindRequest::from_stub(stub)
                        .unwrap()
                        .extensions
                        .unwrap()
                        .replication_epoch;
                    seen.lock().unwrap().push(epoch);
                    let result = match epoch {
                        5 => DrsError::SUCCESS,
                        _ => DrsError::DIFFERENT_REPLICATION_EPOCHS,
                    };
                    Ok(bound(5, result))
                }
                _ => Ok(info()),
            });
            dc(&world, script).await;
            open(&world, &["right"]).await.unwrap();
            assert_eq!(*epochs.lock().unwrap(), [0, 5]);
        });
    }

    #[test]
    fn pages_go_on_where_the_last_one_ended() {
        simulate(async {
            let world = World::new();
            let database = Guid::from_u128(9);
            let asked = Arc::new(Mutex::new(Vec::new()));
            let seen = Arc::clone(&asked);
            dc(
                &world,
                script(move |request| {
                    let usn = request.from.object_update + 10;
                    let more_data = request.from.object_update == 0;
                    let cursor = UpToDateCursor {
                        invocation_id: database,
                        usn,
                    };
                    seen.lock().unwrap().push(request);
                    let reply = ChangesReply {
                        invocation_id: database,
                        to: UsnVector {
                            object_update: usn,
                            ..UsnVector::default()
                        },
                        more_data,
                        up_to_date: (!more_data).then(|| vec![cursor]),
                        ..ChangesReply::default()
                    };
                    reply.to_stub(0)
                }),
            )
            .await;
            let mut replica = open(&world, &["right"]).await.unwrap();
            let first = replica.changes(None, 5, &["2.5.4.0"]).await.unwrap();
            assert!(first.more && first.position.up_to_date.is_empty());
            let second = replica
                .changes(Some(&first.position), 5, &["2.5.4.0"])
                .await
                .unwrap();
            assert!(!second.more && second.position.usns.object_update == 20);
            replica
                .changes(Some(&second.position), 5, &["2.5.4.0"])
                .await
                .unwrap();
            let asked = asked.lock().unwrap();
            let ids: Vec<_> = asked.iter().map(|request| request.invocation_id).collect();
            assert_eq!(ids, [DSA, database, database]);
            assert_eq!(asked[1].from, first.position.usns);
            let vectors: Vec<_> = asked
                .iter()
                .map(|request| request.up_to_date.as_ref().map(Vec::len))
                .collect();
            assert_eq!(vectors, [None, None, Some(1)]);
            assert_eq!(asked[0].naming_context.dn, "DC=contoso,DC=com");
            assert_eq!(asked[0].max_objects, 5);
        });
    }

    #[test]
    fn refusals_keep_the_session_and_a_missing_object_is_none() {
        simulate(async {
            let world = World::new();
            dc(
                &world,
                script(|request| {
                    let object = request.extended_operation == ExtendedOperation::REPLICATE_OBJECT;
                    ChangesReply::failed(match object {
                        true => DrsError::DRA_BAD_DN,
                        false => DrsError::DRA_ACCESS_DENIED,
                    })
                }),
            )
            .await;
            let mut replica = open(&world, &["right"]).await.unwrap();
            let error = replica.changes(None, 1, &[]).await.unwrap_err();
            assert_eq!(error.replication_error(), Some(DrsError::DRA_ACCESS_DENIED));
            assert!(!error.is_fatal() && error.to_string().contains("Replicating Directory Changes All"));
            let gone = replica.object(Guid::from_u128(1), &[]).await.unwrap();
            assert!(gone.is_none());
        });
    }

    #[test]
    fn nonsense_and_silence_end_the_session() {
        simulate(async {
            let world = World::new();
            dc(&world, script(|_| vec![1, 2, 3, 4, 0, 0, 0, 0])).await;
            let mut replica = open(&world, &["right"]).await.unwrap();
            let error = replica.changes(None, 1, &[]).await.unwrap_err();
            assert!(matches!(error, DrsuapiError::Protocol { .. }) && error.is_fatal());
        });
        simulate(async {
            let world = World::new();
            let listener = world
                .doors(DC)
                .net
                .listen(&Endpoint::new(DC, endpoint_mapper::PORT))
                .await
                .unwrap();
            let silent = tokio::spawn(async move {
                let stream = listener.accept().await;
                std::future::pending::<()>().await;
                drop(stream);
            });
            let error = open(&world, &["right"]).await.err().unwrap();
            assert!(matches!(error, DrsuapiError::TimedOut { .. }) && error.is_transient());
            assert_eq!(world.host.platform.clock.now(), TIMEOUT);
            silent.abort();
        });
        simulate(async {
            let world = World::new();
            let error = open(&world, &["right"]).await.err().unwrap();
            assert!(matches!(error, DrsuapiError::Unreachable(_)) && error.is_transient());
        });
    }
}

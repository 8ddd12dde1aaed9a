//! Password hashes as the agent reads them: its own client against the embedded Active Directory, with the rights that the installer
//! grants and no others; and the same client against Samba's, whose own tool says what the hashes are.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "a test")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use indexmap::IndexMap;
use provlab_agent::directory::ad::{Credential, grant_all};
use provlab_agent::directory::drsuapi::{DrsuapiError, NtlmAccount, Position, Replica};
use provlab_agent::directory::ldap::{
    Attribute, DEFAULT_TIMEOUT, Filter, LdapConnection, Protection, Scope, Search,
};
use provlab_agent::password::{PageReader, PasswordError};
use provlab_directory::config::AccountConfig;
use provlab_directory::control::PutUsers;
use provlab_directory::{Command, Config, Running, start};
use provlab_platform::crypto::CryptoPolicy;
use provlab_platform::files::SimFiles;
use provlab_platform::net::sim::SimNetwork;
use provlab_platform::{Clock, Crypto, Entropy, MemoryStore, Platform, Trace};
use provlab_protocol::guid::Guid;
use provlab_protocol::password_hash::PasswordHash;
use provlab_protocol::scim::{CredentialPage, ErrorCode};
use provlab_protocol::sid::Sid;
use time::macros::datetime;
use uuid::Uuid;

const DC: &str = "dc1.contoso.com";
const DOMAIN: &str = "contoso.com";
const BASE: &str = "DC=contoso,DC=com";
const ADMIN: &str = "CONTOSO\\Administrator";
const ADMIN_PASSWORD: &str = "Adm1n-of-the-Lab";
const SERVICE: &str = "CONTOSO\\provagent";
const STRANGER: &str = "CONTOSO\\stranger";
const PASSWORD: &str = "Wonder-2026";
const TIMEOUT: Duration = Duration::from_secs(30);

/// What is read of every account: its hash, and whether it must be changed.
type Told = BTreeMap<Uuid, (PasswordHash, bool)>;

struct World {
    clock: Clock,
    /// The agent's doors.
    host: Platform,
    directory: Running,
}

fn config() -> Config {
    let mut config = Config::new(DOMAIN, "CONTOSO", ADMIN_PASSWORD.into());
    for name in ["provagent", "stranger", "alice"] {
        config.accounts.push(AccountConfig::new(name, PASSWORD.into()));
    }
    let odd = |name: &str, change: &dyn Fn(&mut AccountConfig)| {
        let mut account = AccountConfig::new(name, PASSWORD.into());
        change(&mut account);
        account
    };
    config.accounts.extend([
        odd("bob", &|account| account.must_change_password = true),
        odd("carol", &|account| account.disabled = true),
        odd("dave", &|account| account.password = None),
    ]);
    config
}

fn platform(host: &str, network: &SimNetwork, clock: &Clock, trace: &Trace) -> Platform {
    Platform {
        host: host.to_owned(),
        net: network.door(host),
        clock: clock.clone(),
        entropy: Entropy::seeded(1).fork(host),
        crypto: Crypto::simulated(CryptoPolicy::default(), host),
        files: Arc::new(SimFiles::new()),
        trace: trace.for_host(host),
    }
}

impl World {
    async fn start() -> Self {
        let clock = Clock::simulated(datetime!(2026-03-02 08:00 UTC));
        let trace = Trace::discard();
        let network = SimNetwork::new(&clock, &trace);
        let doors = platform(DC, &network, &clock, &trace);
        let directory = start(doors, config(), Arc::new(MemoryStore::new()))
            .await
            .unwrap();
        let world = Self {
            host: platform("srv1.contoso.com", &network, &clock, &trace),
            clock,
            directory,
        };
        let mut admin = world.admin().await;
        let sid = find(&mut admin, "provagent", "objectSid").await;
        let sid = Sid::from_bytes(&sid).unwrap();
        grant_all(&mut admin, &BASE.parse().unwrap(), &sid).await.unwrap();
        // inetOrgPerson is a kind of user, but not for password hashes.
        let person = ["objectClass", "sAMAccountName"]
            .into_iter()
            .zip(["inetOrgPerson", "erin"])
            .map(|(name, value)| (name.to_owned(), vec![value.to_owned()]));
        world
            .change(Command::Add {
                dn: format!("CN=erin,CN=Users,{BASE}"),
                attributes: person.collect::<IndexMap<_, _>>(),
            })
            .await;
        world.set_password("erin", PASSWORD).await;
        world
    }

    async fn admin(&self) -> LdapConnection {
        let mut connection = LdapConnection::open(&self.host, DC, Protection::Ldaps, DEFAULT_TIMEOUT)
            .await
            .unwrap();
        connection.bind(ADMIN, &ADMIN_PASSWORD.into()).await.unwrap();
        connection
    }

    async fn change(&self, command: Command) {
        self.directory.control(command).await.unwrap();
        self.clock.sleep(Duration::from_secs(1)).await;
    }

    async fn set_password(&self, account: &str, password: &str) {
        self.change(Command::ChangePassword {
            account: account.to_owned(),
            password: password.into(),
        })
        .await;
    }

    async fn id(&self, account: &str) -> Uuid {
        let guid = find(&mut self.admin().await, account, "objectGUID").await;
        Guid::from_le_slice(&guid).unwrap().as_uuid()
    }

    async fn replica(&self, user: &str) -> Result<Replica, DrsuapiError> {
        replica(&self.host, DC, DOMAIN, user, PASSWORD).await
    }

    /// All pages since a position, and where the last one ends.
    async fn read(&self, from: Option<Position>, count: u32) -> (Told, Position) {
        let mut replica = self.replica(SERVICE).await.unwrap();
        read_all(&self.host, &mut replica, from, count).await
    }
}

async fn replica(
    platform: &Platform,
    server: &str,
    domain: &str,
    user: &str,
    password: &str,
) -> Result<Replica, DrsuapiError> {
    let account = NtlmAccount::of(&Credential {
        user: user.to_owned(),
        password: password.into(),
    })
    .unwrap();
    Replica::open(platform, server, domain, &account, TIMEOUT).await
}

async fn page(
    platform: &Platform,
    replica: &mut Replica,
    from: Option<&Position>,
    count: u32,
) -> Result<CredentialPage, PasswordError> {
    let md5 = platform.crypto.md5(true).unwrap();
    let reader = PageReader {
        replica,
        md5: &md5,
        salts: &platform.entropy,
        trace: &platform.trace,
    };
    reader.page(from, count).await
}

async fn read_all(
    platform: &Platform,
    replica: &mut Replica,
    mut from: Option<Position>,
    count: u32,
) -> (Told, Position) {
    let mut told = Told::new();
    loop {
        let page = page(platform, replica, from.as_ref(), count).await.unwrap();
        for credential in page.resources {
            let seen = (credential.credential_data, credential.must_change_at_logon);
            assert!(credential.change_date.is_some());
            told.insert(credential.id, seen);
        }
        let position = Position::from_bytes(&page.cookie.0).unwrap();
        if !page.more_results {
            return (told, position);
        }
        from = Some(position);
    }
}

/// One attribute's first value of the account of this name.
async fn find(connection: &mut LdapConnection, account: &str, attribute: &str) -> Vec<u8> {
    let search = Search {
        base: BASE.to_owned(),
        scope: Scope::Subtree,
        filter: Filter::equal("sAMAccountName", account),
        attributes: vec![attribute.to_owned()],
    };
    let found = connection.search(&search).await.unwrap();
    found[0].first(attribute).unwrap().to_vec()
}

fn simulate<T>(test: impl Future<Output = T>) -> T {
    provlab_platform::sim::runtime(7).unwrap().block_on(test)
}

#[test]
fn every_users_password_is_told_and_nobody_elses() {
    simulate(async {
        let world = World::start().await;
        let (told, _) = world.read(None, 50).await;
        let mut expected = BTreeMap::new();
        for name in ["provagent", "stranger", "alice", "bob", "carol"] {
            expected.insert(world.id(name).await, name);
        }
        assert_eq!(
            told.keys().collect::<Vec<_>>(),
            expected.keys().collect::<Vec<_>>(),
            "neither dave, who has none, nor erin, an inetOrgPerson, nor what the system itself needs"
        );
        for (id, (hash, must_change)) in &told {
            assert!(hash.verify(PASSWORD) && !hash.verify("wrong"));
            assert_eq!(*must_change, expected[id] == "bob", "{}", expected[id]);
        }
        // A salt is drawn for each upload.
        let (again, _) = world.read(None, 50).await;
        assert!(again.iter().all(|(id, (hash, _))| *hash != told[id].0));
    });
}

#[test]
fn only_what_changed_since_the_watermark_is_told() {
    simulate(async {
        let world = World::start().await;
        let alice = world.id("alice").await;
        let (_, first) = world.read(None, 50).await;
        let (nothing, second) = world.read(Some(first.clone()), 50).await;
        assert_eq!(nothing, Told::new());
        world.set_password("alice", "Another-2026").await;
        world.set_password("erin", "Another-2026").await;
        let (told, third) = world.read(Some(second), 50).await;
        assert_eq!(told.len(), 1);
        assert!(told[&alice].0.verify("Another-2026") && !told[&alice].1);
        // The administrator wants another password: the same hash under another sign.
        world
            .change(Command::RequirePasswordChange {
                account: "alice".to_owned(),
            })
            .await;
        let (told, fourth) = world.read(Some(third), 50).await;
        assert!(told[&alice].0.verify("Another-2026") && told[&alice].1);
        world
            .change(Command::Delete {
                object: "alice".to_owned(),
                tree: false,
            })
            .await;
        let (told, _) = world.read(Some(fourth), 50).await;
        assert_eq!(told, Told::new());
    });
}

#[test]
fn small_pages_give_the_same_as_large_ones() {
    simulate(async {
        let world = World::start().await;
        world
            .change(Command::PutUsers(PutUsers {
                prefix: "staff".to_owned(),
                first: 1,
                count: 60,
                below: None,
                password: Some(PASSWORD.into()),
                attributes: IndexMap::new(),
            }))
            .await;
        let (large, at_large) = world.read(None, 1_000).await;
        assert_eq!(large.len(), 65);
        for count in [1, 7] {
            let (small, at_small) = world.read(None, count).await;
            assert_eq!(small.keys().collect::<Vec<_>>(), large.keys().collect::<Vec<_>>());
            assert_eq!(at_small, at_large);
        }
    });
}

#[test]
fn another_domain_controller_starts_over() {
    simulate(async {
        let world = World::start().await;
        let (all, position) = world.read(None, 50).await;
        world.change(Command::ReplaceDomainController).await;
        let (again, moved) = world.read(Some(position.clone()), 50).await;
        assert_eq!(again.len(), all.len());
        assert_ne!(moved.invocation_id, position.invocation_id);
        assert_eq!(world.read(Some(moved), 50).await.0, Told::new());
    });
}

#[test]
fn whoever_lacks_the_rights_is_told_which() {
    simulate(async {
        let world = World::start().await;
        let mut stranger = world.replica(STRANGER).await.unwrap();
        let error = page(&world.host, &mut stranger, None, 50).await.unwrap_err();
        let told = error.to_scim();
        assert_eq!(
            told.code,
            ErrorCode::HybridSynchronizationActiveDirectoryInsufficientAccessRights
        );
        assert!(
            told.message.contains("ERROR_DS_DRA_ACCESS_DENIED (8453)"),
            "{told}"
        );
        assert!(
            told.message.contains("Replicating Directory Changes All"),
            "{told}"
        );
        let nobody = replica(&world.host, DC, DOMAIN, SERVICE, "wrong")
            .await
            .err()
            .unwrap();
        assert!(matches!(nobody, DrsuapiError::LogonRefused { .. }), "{nobody}");
    });
}

/// Samba's own tool against this client.
#[cfg(feature = "containers")]
mod samba {
    use provlab_agent::directory::ad::{create_or_reuse, ntlm_account};
    use provlab_agent::{ComputerAccount, HostMachine};
    use provlab_containers::{Owner, Samba, SambaConfig, engine, sweep};
    use provlab_platform::Part;
    use provlab_platform::net::Endpoint;
    use provlab_platform::net::real::{LabAuthority, NameTable, RealNet, Trust};
    use provlab_protocol::nt_hash::NtHash;

    use super::*;

    const DOMAIN: &str = "contoso.lab";
    const DC: &str = "dc1.contoso.lab";
    const BASE: &str = "DC=contoso,DC=lab";
    const ADMIN: &str = "CONTOSO\\Administrator";

    async fn start() -> Option<(Samba, LabAuthority)> {
        let engine = match engine::probe().await {
            Ok(engine) => engine,
            Err(reason) => {
                let required = std::env::var("PROVLAB_REQUIRE").unwrap_or_default();
                assert!(
                    !required.split(',').any(|word| word.trim() == "samba"),
                    "{reason}"
                );
                eprintln!("not run: samba: {reason}");
                return None;
            }
        };
        sweep::sweep(&engine).await.unwrap();
        let authority = LabAuthority::generate().unwrap();
        let config = SambaConfig {
            domain: DOMAIN.to_owned(),
            netbios: "CONTOSO".to_owned(),
            domain_controller: "dc1".to_owned(),
            administrator_password: ADMIN_PASSWORD.into(),
        };
        let (owner, trace) = (Owner::current(), Trace::discard());
        let starting = Box::pin(Samba::start(&config, &authority, &owner, &trace));
        let samba = starting.await.unwrap();
        Some((samba, authority))
    }

    fn doors(samba: &Samba, authority: LabAuthority) -> Platform {
        let (clock, trace) = (Clock::system(), Trace::discard());
        let mut names = NameTable::new();
        for port in [135, 389, 636, provlab_containers::DRSUAPI_PORT] {
            names.insert(&Endpoint::new(DC, port), samba.address(port).unwrap());
        }
        let trust = Trust::of_authority(authority).unwrap();
        let host = "agent1.contoso.lab";
        Platform {
            host: host.to_owned(),
            net: Arc::new(RealNet::new(host, names, trust, &clock, &trace)),
            clock,
            entropy: Entropy::system(),
            crypto: Crypto::real(CryptoPolicy::default()),
            files: Arc::new(SimFiles::new()),
            trace,
        }
    }

    async fn tool(samba: &Samba, command: &str) -> String {
        let output = samba.exec(&["sh", "-c", command], b"").await.unwrap();
        assert!(output.success(), "{command}: {output:?}");
        output.stdout
    }

    /// NT hashes by account, in Samba's own words.
    async fn hashes(samba: &Samba) -> BTreeMap<String, NtHash> {
        let listed = tool(samba, "pdbedit -Lw").await;
        let read = |line: &str| {
            let parts: Vec<&str> = line.split(':').collect();
            let hash: [u8; 16] = hex::decode(parts.get(3)?).ok()?.try_into().ok()?;
            Some(((*parts.first()?).to_owned(), NtHash::from_bytes(hash)))
        };
        listed.lines().filter_map(read).collect()
    }

    async fn id(connection: &mut LdapConnection, account: &str) -> Uuid {
        let search = Search {
            base: BASE.to_owned(),
            scope: Scope::Subtree,
            filter: Filter::equal("sAMAccountName", account),
            attributes: vec!["objectGUID".to_owned()],
        };
        let found = connection.search(&search).await.unwrap();
        let guid = found[0].first("objectGUID").unwrap();
        Guid::from_le_slice(guid).unwrap().as_uuid()
    }

    /// The service's account as the wizard makes it, and as its host then knows it.
    async fn managed_account(samba: &Samba, platform: &Platform, admin: &mut LdapConnection) -> NtlmAccount {
        const HOST_PASSWORD: &str = "Comp-P@ssw0rd-1";
        const NAME: &str = "provAgentgMSA$";
        tool(samba, "samba-tool computer add AGENT1").await;
        let set = format!("samba-tool user setpassword 'AGENT1$' --newpassword={HOST_PASSWORD}");
        tool(samba, &set).await;
        let computer = ComputerAccount {
            name: "AGENT1$".to_owned(),
            domain: DOMAIN.to_owned(),
            netbios: "CONTOSO".to_owned(),
            password: HOST_PASSWORD.into(),
        };
        let controllers = BTreeMap::from([(DOMAIN.to_owned(), vec![DC.to_owned()])]);
        let host = HostMachine::new(platform.clone(), computer, controllers, None);
        let (gmsa, _) = create_or_reuse(&host, admin, NAME).await.unwrap();
        grant_all(admin, &BASE.parse().unwrap(), &gmsa.sid).await.unwrap();
        ntlm_account(&host, Part::Agent, NAME).await.unwrap()
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn the_hashes_are_those_that_samba_itself_shows() {
        let Some((samba, authority)) = start().await else {
            return;
        };
        for name in ["alice", "bob", "carol"] {
            tool(&samba, &format!("samba-tool user add {name} Wonder-{name}-2026")).await;
        }
        tool(
            &samba,
            "samba-tool user add dave --random-password --must-change-at-next-login",
        )
        .await;
        let platform = doors(&samba, authority);
        let mut admin = LdapConnection::open(&platform, DC, Protection::Ldaps, DEFAULT_TIMEOUT)
            .await
            .unwrap();
        admin.bind(ADMIN, &ADMIN_PASSWORD.into()).await.unwrap();
        let person = [
            Attribute::text("objectClass", &["inetOrgPerson"]),
            Attribute::text("sAMAccountName", &["erin"]),
        ];
        admin
            .add(&format!("CN=erin,CN=Users,{BASE}"), &person)
            .await
            .unwrap();
        let mut replica = replica(&platform, DC, DOMAIN, ADMIN, ADMIN_PASSWORD)
            .await
            .unwrap();
        let known = hashes(&samba).await;
        for count in [1_000, 3] {
            let (told, _) = read_all(&platform, &mut replica, None, count).await;
            assert_eq!(told.len(), 4, "three users, and one who must change: {told:?}");
            for name in ["alice", "bob", "carol", "dave"] {
                let (hash, must_change) = &told[&id(&mut admin, name).await];
                assert!(hash.verify_nt_hash(&known[name]), "{name}");
                assert_eq!(*must_change, name == "dave");
            }
        }
        let (_, position) = read_all(&platform, &mut replica, None, 50).await;
        tool(
            &samba,
            "samba-tool user setpassword bob --newpassword=Another-bob-2026",
        )
        .await;
        let (told, position) = read_all(&platform, &mut replica, Some(position), 50).await;
        let bob = id(&mut admin, "bob").await;
        assert_eq!(told.keys().collect::<Vec<_>>(), [&bob]);
        assert!(told[&bob].0.verify("Another-bob-2026"));
        assert_eq!(
            read_all(&platform, &mut replica, Some(position), 50).await.0,
            Told::new()
        );
        let managed = managed_account(&samba, &platform, &mut admin).await;
        let mut service = Replica::open(&platform, DC, DOMAIN, &managed, TIMEOUT)
            .await
            .unwrap();
        let (told, _) = read_all(&platform, &mut service, None, 50).await;
        assert!(told[&bob].0.verify("Another-bob-2026"));
        let denied = super::replica(&platform, DC, DOMAIN, "CONTOSO\\alice", "Wonder-alice-2026");
        let mut denied = denied.await.unwrap();
        let error = page(&platform, &mut denied, None, 50).await.unwrap_err();
        assert_eq!(
            error.to_scim().code,
            ErrorCode::HybridSynchronizationActiveDirectoryInsufficientAccessRights,
            "{error}"
        );
        let wrong = super::replica(&platform, DC, DOMAIN, ADMIN, "wrong")
            .await
            .err()
            .unwrap();
        assert!(matches!(wrong, DrsuapiError::LogonRefused { .. }), "{wrong}");
        samba.remove().await.unwrap();
    }
}

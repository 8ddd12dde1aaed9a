//! `lab up`: plays a scenario on real sockets and keeps its world, with everything a person needs to look around in it.

use std::{fmt::Write as _, path::Path, pin::pin};

use provlab_protocol::dn::Dn;
use secrecy::ExposeSecret as _;
use serde::Serialize;
use tokio::io::AsyncReadExt as _;

use super::{
    Exit,
    args::UpArgs,
    list::wrong,
    select::{SelectError, select},
};
use crate::{
    report::{Outcome, failure_text},
    run::{RunOptions, play},
    scenario::{Scenario, StageName},
    stage::{LiveWorld, availability, runtime, sweep_own},
    world::{Book, Credential, World as _, WorldError, environment_of, initial_domain},
};

/// Plays the scenario, tells what there is, and stays until Ctrl-C or the end of standard input.
pub(super) fn up(folder: &Path, arguments: &UpArgs) -> Exit {
    let stage = arguments.on;
    if stage == StageName::Sim {
        eprintln!(
            "there is nothing to look around in on sim\nhelp: `--on live` has real sockets and needs nothing else"
        );
        return Exit::Usage;
    }
    let scenario = match only_one(folder, &arguments.name, stage) {
        Ok(scenario) => scenario,
        Err(exit) => return exit,
    };
    if let Err(reason) = availability(stage) {
        eprintln!("{reason}");
        return Exit::Missing;
    }
    match runtime(stage, scenario.seed) {
        Ok(runtime) => {
            let exit = runtime.block_on(Box::pin(stay(&scenario, stage, arguments.json)));
            // Standard input may be blocked in a read for ever.
            runtime.shutdown_background();
            sweep_own();
            exit
        }
        Err(error) => {
            eprintln!("no runtime: {error}");
            Exit::Defect
        }
    }
}

/// The one scenario of that name that can run on `stage`.
fn only_one(folder: &Path, name: &str, stage: StageName) -> Result<Scenario, Exit> {
    let mut found = match select(folder, &[name.to_owned()]) {
        Ok(found) => found,
        Err(SelectError::Files(errors)) => return Err(wrong(&errors)),
        Err(error) => {
            eprintln!("{error}");
            return Err(Exit::Usage);
        }
    };
    if found.len() > 1 {
        let ids: Vec<String> = found.iter().map(|scenario| scenario.id.to_string()).collect();
        eprintln!(
            "`{name}` means {} scenarios; name one of them: {}",
            ids.len(),
            ids.join(", ")
        );
        return Err(Exit::Usage);
    }
    let Some(scenario) = found.pop() else {
        eprintln!("`{name}` means no scenario");
        return Err(Exit::Usage);
    };
    if !scenario.stages.contains(&stage) {
        let reason = scenario.not_on.get(&stage).map_or("", String::as_str);
        eprintln!("{} does not run on {stage}: {reason}", scenario.id);
        return Err(Exit::Usage);
    }
    Ok(scenario)
}

async fn stay(scenario: &Scenario, stage: StageName, json: bool) -> Exit {
    let options = RunOptions {
        stage,
        ..RunOptions::default()
    };
    let mut ended = pin!(asked_to_end());
    let built = tokio::select! {
        biased;
        () = &mut ended => return Exit::Passed,
        built = Box::pin(LiveWorld::build(scenario, &options)) => built,
    };
    let world = match built {
        Ok(world) => world,
        Err(error) => return not_built(&error),
    };
    let told = async {
        eprintln!("playing {} on {stage} …", scenario.id);
        let report = Box::pin(play(scenario, &options, scenario.seed, &world)).await;
        if let Some(text) = failure_text(&report) {
            eprintln!("{text}");
        }
        let sight = Sight::of(&world, scenario, &report.outcome);
        match serde_json::to_string(&sight) {
            Ok(line) if json => println!("{line}"),
            _ => println!("{}", sight.for_people(world.book())),
        }
        std::future::pending::<()>().await;
    };
    tokio::select! {
        biased;
        () = ended => {}
        () = told => {}
    }
    world.shut_down(false).await;
    Exit::Passed
}

/// Returns when the person does not want the world any more: at a signal, or at the end of standard input.
async fn asked_to_end() {
    let mut input = tokio::io::stdin();
    let lifeline = async {
        let mut ignored = [0; 256];
        while matches!(input.read(&mut ignored).await, Ok(count) if count > 0) {}
    };
    tokio::select! {
        biased;
        () = provlab_platform::process::asked_to_end() => {}
        () = lifeline => {}
    }
}

fn not_built(error: &WorldError) -> Exit {
    eprintln!("the world was not built: {error}");
    match error {
        WorldError::Missing(_) => Exit::Missing,
        WorldError::NotOnStage { .. } => Exit::Usage,
        _ => Exit::Defect,
    }
}

/// What there is to look at. It shows the passwords of the world's accounts: they are made for the run and
/// open nothing else.
#[derive(Serialize)]
struct Sight {
    scenario: String,
    outcome: &'static str,
    ca: String,
    /// Addresses by `host:port`.
    names: serde_json::Map<String, serde_json::Value>,
    accounts: Vec<Account>,
}

#[derive(Serialize)]
struct Account {
    name: String,
    password: String,
}

impl From<Credential> for Account {
    fn from(credential: Credential) -> Self {
        Self {
            name: credential.name,
            password: credential.password.expose_secret().to_owned(),
        }
    }
}

impl Sight {
    fn of(world: &LiveWorld, scenario: &Scenario, outcome: &Outcome) -> Self {
        let names = world.names().entries();
        Self {
            scenario: scenario.id.to_string(),
            outcome: outcome.word(),
            ca: world.ca_file().display().to_string(),
            names: names
                .iter()
                .map(|entry| {
                    (
                        format!("{}:{}", entry.host, entry.port),
                        entry.address.to_string().into(),
                    )
                })
                .collect(),
            accounts: accounts(world.book()).into_iter().map(Account::from).collect(),
        }
    }

    fn address(&self, host: &str, port: u16) -> &str {
        self.names
            .get(&format!("{host}:{port}"))
            .and_then(|address| address.as_str())
            .unwrap_or_default()
    }

    fn for_people(&self, book: &Book) -> String {
        let mut text = format!(
            "{}: {}\nThe world stays until Ctrl-C or the end of standard input.\n\nAuthority\n  {}\n\nNames\n",
            self.scenario, self.outcome, self.ca
        );
        let width = self.names.keys().map(String::len).max().unwrap_or_default();
        for (name, address) in &self.names {
            let _ = writeln!(text, "  {name:<width$}  {}", address.as_str().unwrap_or_default());
        }
        let _ = writeln!(text, "\nAccounts");
        let width = self
            .accounts
            .iter()
            .map(|account| account.name.len())
            .max()
            .unwrap_or_default();
        for Account { name, password } in &self.accounts {
            let _ = writeln!(text, "  {name:<width$}  {password}");
        }
        let _ = write!(text, "\nLook around");
        for domain in &book.world().domains {
            let controller = domain
                .domain_controller_names()
                .into_iter()
                .next()
                .unwrap_or_default();
            let base = Dn::from_dns(&domain.name.value)
                .map(|base| base.to_string())
                .unwrap_or_default();
            let administrator = book.administrator(domain);
            let _ = write!(
                text,
                "\n  LDAPTLS_CACERT={} ldapsearch -LLL -x -H ldaps://{} -D '{}' -w '{}' -b '{base}' '(objectClass=user)'",
                self.ca,
                self.address(&controller, 636),
                administrator.name,
                administrator.password.expose_secret(),
            );
        }
        for tenant in &book.world().tenants {
            let host = environment_of(tenant.environment()).login_host;
            let _ = write!(
                text,
                "\n  curl --cacert {} --connect-to {host}:443:{} https://{host}/{}/v2.0/.well-known/openid-configuration",
                self.ca,
                self.address(host, 443),
                initial_domain(tenant),
            );
        }
        text
    }
}

/// The administrators of the domains, and every declared account.
fn accounts(book: &Book) -> Vec<Credential> {
    let world = book.world();
    let domains = world.domains.iter().flat_map(|domain| {
        let declared = domain
            .accounts
            .iter()
            .map(|account| format!(r"{}\{}", domain.netbios_name(), account.name.value));
        let declared = declared.filter_map(|name| book.domain_credential(&name).ok());
        std::iter::once(book.administrator(domain)).chain(declared)
    });
    let tenants = world.tenants.iter().flat_map(|tenant| {
        let names = tenant.accounts.iter().map(|account| account.name.value.as_str());
        names.filter_map(|name| book.cloud_credential(&tenant.name.value, name).ok())
    });
    domains.chain(tenants).collect()
}

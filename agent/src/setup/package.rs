//! The installer package: binaries, services and the choice of the cloud (CS 1.4, 4.1). Nothing is registered yet.

use provlab_platform::{Part, event};
use provlab_protocol::environment::{Environment, UnknownEnvironmentName, from_environmentname_switch};
use thiserror::Error;
use time::macros::format_description;

use super::generation::{Generation, GenerationName};
use crate::config::AppConfig;
use crate::host::{HostMachine, RegistryError, ServiceEntry, ServiceError, ServiceState, TraceFile};
use crate::product::{
    AGENT_VERSION, INSTALL_FOLDER, KEEPS_CONFIGURATION_SINCE, SERVICE_NAME, TEMP_FOLDER, UPDATER_ACCOUNT,
    UPDATER_FOLDER, UPDATER_NAME, VIRTUAL_ACCOUNT, app_config_path, installed,
};

/// Registry value with the cloud that the package was told (own name; the product's is not public).
pub(crate) const ENVIRONMENT_VALUE: &str = "EnvironmentName";
/// Registry value with the generation whose names the host shows (own name).
pub(crate) const GENERATION_VALUE: &str = "Generation";

/// Least `Release` value of .NET Framework: 4.7.1 (CS 2.1).
const MIN_DOTNET_RELEASE: u32 = 461_308;

/// Command line of the package.
#[derive(Debug, Clone, Default)]
pub struct PackageOptions {
    /// `/quiet`: binaries and services only; the wizard is not opened.
    pub quiet: bool,
    /// Value of `ENVIRONMENTNAME=`, when it was given.
    pub environment_name: Option<String>,
    /// Which generation of the product is installed.
    pub generation: GenerationName,
    /// Which release; none is [`AGENT_VERSION`].
    pub version: Option<AgentVersion>,
}

/// Version of a release, such as `1.1.977.0` (CS 11).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentVersion {
    text: String,
    numbers: Vec<u32>,
}

impl AgentVersion {
    /// Reads three or four numbers with dots between them.
    ///
    /// # Errors
    /// Anything else.
    pub fn parse(text: &str) -> Result<Self, PackageError> {
        let bad = || PackageError::Version(text.chars().take(32).collect());
        let numbers = text.split('.').map(str::parse).collect::<Result<Vec<u32>, _>>();
        let numbers = numbers.map_err(|_| bad())?;
        if !(3..=4).contains(&numbers.len()) {
            return Err(bad());
        }
        Ok(Self {
            text: text.to_owned(),
            numbers,
        })
    }

    /// As it is written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether its package keeps the configuration file that it finds.
    fn keeps_configuration(&self) -> bool {
        self.numbers.as_slice() >= KEEPS_CONFIGURATION_SINCE.as_slice()
    }
}

impl PackageOptions {
    /// Reads the package's own command line form: `/quiet ENVIRONMENTNAME=AzureUSGovernment`, in any case.
    ///
    /// # Errors
    /// On an argument that the package does not know.
    pub fn from_arguments<'a>(arguments: impl IntoIterator<Item = &'a str>) -> Result<Self, PackageError> {
        let mut options = Self::default();
        for argument in arguments {
            match argument.split_once('=') {
                Some((name, value)) if name.eq_ignore_ascii_case("ENVIRONMENTNAME") => {
                    options.environment_name = Some(value.to_owned());
                }
                None if argument.eq_ignore_ascii_case("/quiet") => options.quiet = true,
                _ => return Err(PackageError::Argument(argument.to_owned())),
            }
        }
        Ok(options)
    }
}

/// What the package left behind.
#[derive(Debug, Clone)]
pub struct PackageReport {
    /// The chosen cloud.
    pub environment: &'static Environment,
    /// Path of the bundle log.
    pub log: String,
    /// Whether the configuration wizard opens now.
    pub opens_wizard: bool,
}

/// The package could not be installed.
#[derive(Debug, Error)]
pub enum PackageError {
    /// Not a switch of the package.
    #[error("the package does not know the argument '{0}'; it takes /quiet and ENVIRONMENTNAME=<name>")]
    Argument(String),
    /// An `ENVIRONMENTNAME` that names no cloud.
    #[error(transparent)]
    Environment(#[from] UnknownEnvironmentName),
    /// No version of the package.
    #[error("'{0}' is no version of the package; write three or four numbers, such as 1.1.977.0")]
    Version(String),
    /// A prerequisite is missing (CS 2.1, 9.4).
    #[error("0x80070643: {0}")]
    Prerequisite(String),
    /// The service database failed.
    #[error(transparent)]
    Services(#[from] ServiceError),
    /// The registry failed.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// A file could not be written.
    #[error("a file of the package cannot be written: {0}")]
    Files(String),
}

/// Installs the package, or repairs what an earlier run left: the order of the writes makes a rerun converge after a kill.
///
/// # Errors
/// When an argument or prerequisite is wrong, before anything is written; or when the host cannot be written.
pub fn install_package(host: &HostMachine, options: &PackageOptions) -> Result<PackageReport, PackageError> {
    let environment = match &options.environment_name {
        Some(value) => from_environmentname_switch(value)?,
        None => chosen_environment(host)?,
    };
    check_prerequisites(host)?;
    let version = match &options.version {
        Some(version) => version.clone(),
        None => AgentVersion::parse(AGENT_VERSION)?,
    };
    let generation = Generation::find(options.generation);
    let log = bundle_log(host);
    log.info(&format!(
        "Setting string variable 'ENVIRONMENTNAME' to value '{}'",
        environment.text
    ));
    write_files(host, &version)?;
    host.registry.set(&[
        (ENVIRONMENT_VALUE, environment.text),
        (GENERATION_VALUE, &format!("{:?}", generation.name)),
    ])?;
    let entry = |display_name: &str, account: &str, binary: String| ServiceEntry {
        display_name: display_name.to_owned(),
        account: account.to_owned(),
        managed_account: false,
        binary,
        version: version.text.clone(),
        state: ServiceState::StartPending,
        last_error: String::new(),
        restarts: 0,
    };
    host.services.install(
        UPDATER_NAME,
        entry(
            generation.updater_display_name,
            UPDATER_ACCOUNT,
            format!(r"{UPDATER_FOLDER}\AzureADConnectAgentUpdater.exe"),
        ),
    )?;
    host.services.install(
        SERVICE_NAME,
        entry(
            generation.service_display_name,
            VIRTUAL_ACCOUNT,
            installed("AADConnectProvisioningAgent.exe"),
        ),
    )?;
    log.info(&format!(
        "Apply complete, result: 0x0, {} {}",
        generation.package_title, version.text
    ));
    event!(
        host.platform.trace,
        Part::Wizard,
        "package.installed",
        environment = environment.text,
        version = version.text,
        quiet = options.quiet
    );
    Ok(PackageReport {
        environment,
        log: log.path().to_owned(),
        opens_wizard: !options.quiet,
    })
}

/// The cloud that the host's agent belongs to: what the package was told, else the public cloud.
///
/// # Errors
/// When the registry cannot be read, or names a cloud that is not known.
pub fn chosen_environment(host: &HostMachine) -> Result<&'static Environment, PackageError> {
    let Some(value) = host.registry.get(ENVIRONMENT_VALUE)? else {
        return Ok(from_environmentname_switch("Default")?);
    };
    // By name first: the DoD cloud has no documented switch value, but a host may be configured for it.
    provlab_protocol::environment::ENVIRONMENTS
        .iter()
        .find(|environment| environment.text.eq_ignore_ascii_case(&value))
        .map_or_else(|| Ok(from_environmentname_switch(&value)?), Ok)
}

fn check_prerequisites(host: &HostMachine) -> Result<(), PackageError> {
    let facts = &host.facts;
    let missing = if facts.client_edition {
        Some("This package installs on Windows Server 2016 or later only; this computer runs a client edition of Windows.".to_owned())
    } else if facts.dotnet_release < MIN_DOTNET_RELEASE {
        Some(format!(
            "The agent needs .NET Framework 4.7.1 or later (release {MIN_DOTNET_RELEASE}); this server has release {}.",
            facts.dotnet_release
        ))
    } else if !facts.tls12 {
        Some(
            "TLS 1.2 is not enabled on this server. Enable it, restart the server and run the package again."
                .to_owned(),
        )
    } else {
        None
    };
    missing.map_or(Ok(()), |text| Err(PackageError::Prerequisite(text)))
}

fn bundle_log(host: &HostMachine) -> TraceFile {
    let stamp = host
        .platform
        .clock
        .wall()
        .format(format_description!("[year][month][day][hour][minute][second]"))
        .unwrap_or_default();
    let path = format!(r"{TEMP_FOLDER}\Microsoft_Azure_AD_Connect_Provisioning_Agent_Package_{stamp}.log");
    TraceFile::at(host.platform.files.clone(), host.platform.clock.clone(), path, 1)
}

fn write_files(host: &HostMachine, version: &AgentVersion) -> Result<(), PackageError> {
    let files = &host.platform.files;
    let fail = |error: &dyn std::fmt::Display| PackageError::Files(error.to_string());
    let product_version = format!("ProductVersion={}\n", version.text);
    let binaries = [
        installed("AADConnectProvisioningAgent.exe"),
        installed("AADConnectProvisioningAgentWizard.exe"),
        installed("Microsoft.CloudSync.PowerShell.dll"),
        format!(r"{INSTALL_FOLDER}\Utility\AADCloudSyncTools\AADCloudSyncTools.psm1"),
        format!(
            r"{INSTALL_FOLDER}\RegistrationPowershell\Modules\PSModulesFolder\MicrosoftEntraPrivateNetworkConnectorPSModule.psd1"
        ),
        format!(r"{UPDATER_FOLDER}\AzureADConnectAgentUpdater.exe"),
    ];
    for binary in binaries {
        files
            .write_atomic(&binary, product_version.as_bytes())
            .map_err(|error| fail(&error))?;
    }
    let config = app_config_path();
    let found = files.exists(&config).map_err(|error| fail(&error))?;
    if !(found && version.keeps_configuration()) {
        files
            .write_atomic(&config, AppConfig::default().text().as_bytes())
            .map_err(|error| fail(&error))?;
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::testing::{World, simulate};

    #[test]
    fn an_unknown_environment_is_refused_before_anything_is_written() {
        simulate(async {
            let world = World::new();
            let options = PackageOptions::from_arguments(["/QUIET", "environmentname=AzureMoon"]).unwrap();
            let error = install_package(&world.host, &options).unwrap_err().to_string();
            assert!(
                error.contains("AzureMoon") && error.contains("AzureUSGovernment"),
                "{error}"
            );
            assert!(world.files.snapshot().is_empty());
        });
    }

    #[test]
    fn an_upgrade_loses_the_configuration_before_1_1_1365() {
        simulate(async {
            for (version, kept) in [
                ("1.1.977.0", false),
                ("1.1.1364.9", false),
                ("1.1.1365", true),
                ("1.1.2108.0", true),
            ] {
                let world = World::new();
                install_package(&world.host, &PackageOptions::default()).unwrap();
                let edited = AppConfig::default().with_fips_policy(false).unwrap();
                let files = &world.host.platform.files;
                files
                    .write_atomic(&app_config_path(), edited.text().as_bytes())
                    .unwrap();
                let options = PackageOptions {
                    version: Some(AgentVersion::parse(version).unwrap()),
                    ..PackageOptions::default()
                };
                install_package(&world.host, &options).unwrap();
                let now = AppConfig::parse(&files.read(&app_config_path()).unwrap()).unwrap();
                assert_eq!(!now.enforces_fips_policy(), kept, "{version}");
                assert_eq!(world.host.agent_version(), version);
            }
            for text in ["", "1.1", "1.1.x", "1.1.1.1.1"] {
                let error = AgentVersion::parse(text).unwrap_err().to_string();
                assert!(error.contains("1.1.977.0"), "{error}");
            }
        });
    }

    #[test]
    fn a_client_edition_is_refused() {
        simulate(async {
            let mut world = World::new();
            world.host.facts.client_edition = true;
            let error = install_package(&world.host, &PackageOptions::default())
                .unwrap_err()
                .to_string();
            assert!(error.starts_with("0x80070643: "), "{error}");
        });
    }

    #[test]
    fn the_choice_of_the_cloud_survives_a_repair() {
        simulate(async {
            let world = World::new();
            let options = PackageOptions::from_arguments(["ENVIRONMENTNAME=AzureUSGovernment"]).unwrap();
            install_package(&world.host, &options).unwrap();
            let repaired = install_package(&world.host, &PackageOptions::default()).unwrap();
            assert_eq!(repaired.environment.text, "AzureUSGovernment");
        });
    }

    #[test]
    fn a_kill_at_any_write_is_healed_by_a_rerun() {
        simulate(async {
            let whole = World::new();
            install_package(&whole.host, &PackageOptions::default()).unwrap();
            for writes in 0..whole.files.mutations() {
                let world = World::new();
                world.files.crash_after(writes);
                let _ = install_package(&world.host, &PackageOptions::default());
                world.files.restart();
                install_package(&world.host, &PackageOptions::default()).unwrap();
                let services: Vec<_> = world.host.services.all().unwrap().into_keys().collect();
                assert_eq!(services, [SERVICE_NAME, UPDATER_NAME]);
                for (path, bytes) in whole.files.snapshot() {
                    let same = world.files.snapshot().get(&path) == Some(&bytes);
                    // Logs grow by the rerun, and the database counts its restarts.
                    assert!(
                        same || path.ends_with(".log") || path.ends_with("services.json"),
                        "{path} after {writes}"
                    );
                }
            }
        });
    }
}

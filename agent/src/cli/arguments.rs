//! The command line, in the product's own words where it has some (CS 4.1): cmdlet names and parameters in any case.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// The headless provisioning agent of a host.
#[derive(Debug, Parser)]
#[command(name = "provagent", version = crate::product::AGENT_VERSION)]
pub(super) struct Arguments {
    /// Folder that holds the host's files, its `C:` drive among them.
    #[arg(long, default_value_os_t = super::here())]
    pub(super) host_root: PathBuf,
    /// Description of the host; `host.json` in the host's folder when absent.
    #[arg(long)]
    pub(super) host_file: Option<PathBuf>,
    /// Whether events are written to standard output.
    #[arg(long, value_enum, default_value_t = Events::None)]
    pub(super) events: Events,
    /// End when standard input is closed.
    #[arg(long)]
    pub(super) tied_to_stdin: bool,
    #[command(subcommand)]
    pub(super) command: Command,
}

/// Form of the events on standard output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Events {
    /// None.
    None,
    /// One JSON object a line.
    Json,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Install the package: `package [/quiet] [ENVIRONMENTNAME=AzureUSGovernment]`.
    Package(PackageArguments),
    /// Run the configuration wizard from an answer file.
    Wizard(WizardArguments),
    /// Run the provisioning service.
    Service,
    /// Run the updater service.
    Updater,
    /// Show services, version and last bootstrap.
    Status(StatusArguments),
    /// Sign in to the cloud.
    #[command(name = "connect-aadcloudsyncazuread")]
    ConnectAzureAd(ConnectArguments),
    /// Create, reuse or take the group managed service account.
    #[command(name = "add-aadcloudsyncgmsa")]
    AddGmsa(GmsaArguments),
    /// Add an Active Directory domain.
    #[command(name = "add-aadcloudsyncaddomain")]
    AddAdDomain(DomainArguments),
    /// Switch password writeback with cloud sync on or off for the tenant.
    #[command(name = "set-aadcloudsyncpasswordwritebackconfiguration")]
    SetPasswordWriteback(WritebackArguments),
    /// Restart the provisioning service.
    #[command(name = "restart-service")]
    RestartService,
}

#[derive(Debug, Args)]
pub(super) struct PackageArguments {
    /// `/quiet`, `ENVIRONMENTNAME=…`.
    pub(super) switches: Vec<String>,
    /// Generation of the product, G20 to G25.
    #[arg(long)]
    pub(super) generation: Option<String>,
    /// Release to install, such as 1.1.977.0; today's without it.
    #[arg(long)]
    pub(super) release: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct WizardArguments {
    /// The answers, YAML or JSON.
    #[arg(long)]
    pub(super) answers: PathBuf,
    /// Before each page, print a JSON line and wait for a line on standard input.
    #[arg(long)]
    pub(super) pause_before_page: bool,
}

#[derive(Debug, Args)]
pub(super) struct StatusArguments {
    /// As JSON.
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, Args)]
pub(super) struct ConnectArguments {
    /// User name; the password comes from PROVAGENT_PASSWORD or standard input.
    #[arg(long = "userprincipalname")]
    pub(super) user_principal_name: Option<String>,
    /// The same.
    #[arg(long)]
    pub(super) credential: Option<String>,
    /// A ready token.
    #[arg(long = "accesstoken")]
    pub(super) access_token: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct GmsaArguments {
    /// Domain administrator of the host's domain; the password comes from PROVAGENT_PASSWORD or standard input.
    #[arg(long)]
    pub(super) credential: Option<String>,
    /// Name of a prepared account.
    #[arg(long = "customgmsaname")]
    pub(super) custom_name: Option<String>,
    /// Distinguished name of an ordinary account that an administrator prepared, for a directory without managed accounts
    /// (not a parameter of the product); the password comes from PROVAGENT_PASSWORD or standard input.
    #[arg(long = "customserviceaccountname")]
    pub(super) custom_account: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct DomainArguments {
    /// DNS name of the domain.
    #[arg(long = "domainname")]
    pub(super) domain_name: String,
    /// Domain or enterprise administrator; the password comes from PROVAGENT_PASSWORD or standard input.
    #[arg(long)]
    pub(super) credential: String,
    /// Preferred domain controllers, best first, separated by commas.
    #[arg(long = "preferreddomaincontrollers", value_delimiter = ',')]
    pub(super) preferred: Vec<String>,
}

#[derive(Debug, Args)]
pub(super) struct WritebackArguments {
    /// `$true` or `$false`.
    #[arg(long, action = clap::ArgAction::Set, value_parser = powershell_boolean)]
    pub(super) enable: bool,
    /// Administrator of the tenant; the password comes from PROVAGENT_PASSWORD or standard input. Without it the session of
    /// Connect-AADCloudSyncAzureAD serves.
    #[arg(long)]
    pub(super) credential: Option<String>,
}

fn powershell_boolean(text: &str) -> Result<bool, String> {
    match text.trim_start_matches('$').to_ascii_lowercase().as_str() {
        "true" | "1" => Ok(true),
        "false" | "0" => Ok(false),
        _ => Err("give $true or $false".to_owned()),
    }
}

/// Turns PowerShell's form (`Add-AADCloudSyncGMSA -CustomGMSAName x`, any case) into the parser's.
pub(super) fn normalize(arguments: impl Iterator<Item = String>) -> Vec<String> {
    arguments
        .enumerate()
        .map(|(index, argument)| {
            let cmdlet = ["connect-", "add-", "restart-", "set-"].iter().any(|verb| {
                argument
                    .get(..verb.len())
                    .is_some_and(|start| start.eq_ignore_ascii_case(verb))
            });
            let mut letters = argument.chars();
            let parameter = letters.next() == Some('-')
                && letters.next().is_some_and(|letter| letter.is_ascii_alphabetic())
                && argument.len() > 2;
            if index == 0 {
                argument
            } else if parameter {
                format!("-{}", argument.to_ascii_lowercase())
            } else if cmdlet && index < 12 && !argument.contains(['@', '\\', '.', ' ']) {
                argument.to_ascii_lowercase()
            } else {
                argument
            }
        })
        .collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Arguments {
        Arguments::try_parse_from(normalize(line.split(' ').map(str::to_owned))).unwrap()
    }

    #[test]
    fn cmdlets_are_taken_as_powershell_writes_them() {
        let parsed = parse(
            "provagent Add-AADCloudSyncADDomain -DomainName contoso.com -Credential CONTOSO\\Admin -PreferredDomainControllers dc1,dc2",
        );
        let Command::AddAdDomain(domain) = parsed.command else {
            panic!("another command")
        };
        assert_eq!(domain.domain_name, "contoso.com");
        assert_eq!(domain.credential, "CONTOSO\\Admin");
        assert_eq!(domain.preferred, ["dc1", "dc2"]);
        let parsed = parse("provagent ADD-AADCLOUDSYNCGMSA -customgmsaname provAPP1gMSA$");
        assert!(
            matches!(parsed.command, Command::AddGmsa(GmsaArguments { custom_name: Some(name), .. }) if name == "provAPP1gMSA$")
        );
    }

    #[test]
    fn booleans_are_taken_as_powershell_writes_them() {
        const CMDLET: &str = "Set-AADCloudSyncPasswordWritebackConfiguration";
        for (word, expected) in [("$true", true), ("$False", false), ("true", true), ("0", false)] {
            let parsed = parse(&format!(
                "provagent {CMDLET} -Enable {word} -Credential a@contoso.com"
            ));
            assert!(matches!(
                parsed.command,
                Command::SetPasswordWriteback(WritebackArguments { enable, credential: Some(_) }) if enable == expected
            ));
        }
        let line = normalize(
            format!("provagent {CMDLET} -Enable perhaps")
                .split(' ')
                .map(str::to_owned),
        );
        assert!(Arguments::try_parse_from(line).is_err());
    }

    #[test]
    fn the_package_keeps_its_own_switches() {
        let parsed = parse("provagent --host-root /x package /quiet ENVIRONMENTNAME=AzureUSGovernment");
        let Command::Package(package) = parsed.command else {
            panic!("another command")
        };
        assert_eq!(package.switches, ["/quiet", "ENVIRONMENTNAME=AzureUSGovernment"]);
    }
}

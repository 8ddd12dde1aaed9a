//! The product's generations as data: what a page is called, who may sign in, which names the services show (CS 1.1, 1.3, 1.4).
//!
//! The wizard has no branch for a generation; it walks the pages of the table and does the work listed there.

use serde::{Deserialize, Serialize};

use crate::product::{EVENT_SOURCE, GMSA_NAME};

/// Label of a generation (CS 1.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub enum GenerationName {
    /// May 2020, cloud provisioning (preview).
    G20,
    /// 2021-2022, cloud sync.
    G22,
    /// January 2023.
    G23,
    /// Late 2023 to 2024: today's generation, complete.
    #[default]
    G24,
    /// April 2025 on.
    G25,
}

/// A page of the wizard. `PackageSplash` belongs to the package; the wizard starts behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Page {
    /// Greeting.
    Welcome,
    /// What the agent is to serve.
    SelectExtension,
    /// Cloud sign-in.
    ConnectCloud,
    /// gMSA: create, detect and reuse, or custom.
    ConfigureServiceAccount,
    /// Domains with their administrators.
    ConnectActiveDirectory,
    /// Summary with the **Confirm** button.
    Confirm,
}

impl Page {
    /// Every page, in the order of the newest flow.
    pub const ALL: [Self; 6] = [
        Self::Welcome,
        Self::SelectExtension,
        Self::ConnectCloud,
        Self::ConfigureServiceAccount,
        Self::ConnectActiveDirectory,
        Self::Confirm,
    ];

    /// The page that has this key (`connect-active-directory`) or this title in any generation.
    pub fn from_text(text: &str) -> Option<Self> {
        let wanted = text.trim();
        Self::ALL.into_iter().find(|page| {
            page.key().eq_ignore_ascii_case(wanted)
                || GENERATIONS
                    .iter()
                    .flat_map(|generation| generation.pages)
                    .any(|spec| spec.page == *page && spec.title.eq_ignore_ascii_case(wanted))
        })
    }

    /// The page's name in answer files and scenario files.
    pub fn key(self) -> &'static str {
        match self {
            Self::Welcome => "welcome",
            Self::SelectExtension => "select-extension",
            Self::ConnectCloud => "connect-cloud",
            Self::ConfigureServiceAccount => "configure-service-account",
            Self::ConnectActiveDirectory => "connect-active-directory",
            Self::Confirm => "confirm",
        }
    }
}

/// Work that a page does when its **Next** (or **Confirm**) is chosen, in the order of CS 1.5.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Work {
    /// The extension must be one that the agent serves.
    ChooseExtension,
    /// Token for the registration audience, and the role that it shows.
    SignIn,
    /// gMSA made, found or named; this host allowed; its password read to prove it.
    PrepareServiceAccount,
    /// The service's logon changed to the gMSA.
    ChangeServiceCredentials,
    /// Every domain: bind as its administrator, grant the rights.
    AddDirectories,
    /// Key, certificate request, `RegisterConnector`.
    Register,
    /// Agent group and published resource of every domain.
    GroupResources,
    /// Restart of the provisioning service.
    RestartService,
    /// The service runs and has bootstrapped.
    Verify,
}

/// A page with its title and its work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageSpec {
    /// Which page.
    pub page: Page,
    /// Its title on the screen.
    pub title: &'static str,
    /// What it does.
    pub work: &'static [Work],
}

/// Directory roles that may sign in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CloudRole {
    /// Global Administrator.
    GlobalAdministrator,
    /// Hybrid Identity Administrator.
    HybridIdentityAdministrator,
}

impl CloudRole {
    /// Name in the admin center.
    pub fn display_name(self) -> &'static str {
        match self {
            Self::GlobalAdministrator => "Global Administrator",
            Self::HybridIdentityAdministrator => "Hybrid Identity Administrator",
        }
    }

    /// Role template id, as the token's `wids` claim carries it (PR 3.4).
    pub fn template_id(self) -> uuid::Uuid {
        match self {
            Self::GlobalAdministrator => uuid::uuid!("62e90394-69f5-4237-9190-012177145e10"),
            Self::HybridIdentityAdministrator => uuid::uuid!("8ac3fc64-6eca-42ea-9e69-59f4c7b60eb2"),
        }
    }
}

/// One generation of the product.
#[derive(Debug)]
pub struct Generation {
    /// Label.
    pub name: GenerationName,
    /// Title of the package screen.
    pub package_title: &'static str,
    /// File name of the installer.
    pub installer: &'static str,
    /// Display name of the provisioning service.
    pub service_display_name: &'static str,
    /// Display name of the updater service.
    pub updater_display_name: &'static str,
    /// Pages in order.
    pub pages: &'static [PageSpec],
    /// Who may sign in.
    pub roles: &'static [CloudRole],
    /// Name of the account that **Create gMSA** makes; `None`: the service keeps its virtual account.
    pub gmsa: Option<&'static str>,
    /// Text of the last page.
    pub success: &'static str,
    /// Source of event log entries.
    pub event_source: &'static str,
}

impl Generation {
    /// The record of a generation.
    pub fn find(name: GenerationName) -> &'static Self {
        match name {
            GenerationName::G20 => &GENERATIONS[0],
            GenerationName::G22 => &GENERATIONS[1],
            GenerationName::G23 => &GENERATIONS[2],
            GenerationName::G24 => &GENERATIONS[3],
            GenerationName::G25 => &GENERATIONS[4],
        }
    }

    /// Title of a page on this generation's screens.
    pub fn title(&self, page: Page) -> &'static str {
        self.pages
            .iter()
            .find(|spec| spec.page == page)
            .map_or("", |spec| spec.title)
    }

    /// Roles as a sentence names them.
    pub fn role_names(&self) -> String {
        let names: Vec<_> = self.roles.iter().map(|role| role.display_name()).collect();
        names.join(" or ")
    }
}

const CONNECT_AZURE: &str = "Connect Azure AD";
const CONNECT_ENTRA: &str = "Connect Microsoft Entra ID";
const SIGN_IN: &[Work] = &[Work::SignIn];
const SERVICE_ACCOUNT: PageSpec = PageSpec {
    page: Page::ConfigureServiceAccount,
    title: "Configure Service Account",
    work: &[Work::PrepareServiceAccount, Work::ChangeServiceCredentials],
};
const ACTIVE_DIRECTORY: PageSpec = PageSpec {
    page: Page::ConnectActiveDirectory,
    title: "Connect Active Directory",
    work: &[Work::AddDirectories],
};
const WELCOME: PageSpec = PageSpec {
    page: Page::Welcome,
    title: "Welcome",
    work: &[],
};
/// Which page does the registration is (inferred) but for the fact that Confirm "will register and restart the agent".
const CONFIRM_WORK: &[Work] = &[
    Work::Register,
    Work::GroupResources,
    Work::RestartService,
    Work::Verify,
];
const CONFIGURATION_COMPLETE: PageSpec = PageSpec {
    page: Page::Confirm,
    title: "Configuration complete",
    work: CONFIRM_WORK,
};
const VERIFIED: &str = "Your agent configuration was successfully verified.";
const GLOBAL: &[CloudRole] = &[CloudRole::GlobalAdministrator];
const HYBRID: &[CloudRole] = &[
    CloudRole::GlobalAdministrator,
    CloudRole::HybridIdentityAdministrator,
];
const AZURE_PACKAGE: &str = "Microsoft Azure AD Connect Provisioning Agent Package";
const AZURE_SERVICE: &str = "Microsoft Azure AD Connect Provisioning Agent";
const AZURE_UPDATER: &str = "Microsoft Azure AD Connect Agent Updater";

/// All generations, oldest first.
pub static GENERATIONS: [Generation; 5] = [
    Generation {
        name: GenerationName::G20,
        package_title: AZURE_PACKAGE,
        installer: "AADConnectProvisioningAgent.Installer.exe",
        service_display_name: AZURE_SERVICE,
        updater_display_name: AZURE_UPDATER,
        pages: &[
            PageSpec {
                page: Page::ConnectCloud,
                title: CONNECT_AZURE,
                work: SIGN_IN,
            },
            ACTIVE_DIRECTORY,
            CONFIGURATION_COMPLETE,
        ],
        roles: GLOBAL,
        gmsa: None,
        success: VERIFIED,
        event_source: EVENT_SOURCE,
    },
    Generation {
        name: GenerationName::G22,
        package_title: AZURE_PACKAGE,
        installer: "AADConnectProvisioningAgentSetup.msi",
        service_display_name: AZURE_SERVICE,
        updater_display_name: AZURE_UPDATER,
        pages: &[
            PageSpec {
                page: Page::ConnectCloud,
                title: CONNECT_AZURE,
                work: SIGN_IN,
            },
            SERVICE_ACCOUNT,
            ACTIVE_DIRECTORY,
            PageSpec {
                page: Page::Confirm,
                title: "Agent installation",
                work: CONFIRM_WORK,
            },
        ],
        roles: GLOBAL,
        gmsa: Some(GMSA_NAME),
        success: "Your agent installation is complete.",
        event_source: EVENT_SOURCE,
    },
    Generation {
        name: GenerationName::G23,
        package_title: AZURE_PACKAGE,
        installer: "AADConnectProvisioningAgentSetup.exe",
        service_display_name: AZURE_SERVICE,
        updater_display_name: AZURE_UPDATER,
        pages: &[
            WELCOME,
            PageSpec {
                page: Page::ConnectCloud,
                title: CONNECT_AZURE,
                work: SIGN_IN,
            },
            SERVICE_ACCOUNT,
            ACTIVE_DIRECTORY,
            CONFIGURATION_COMPLETE,
        ],
        roles: GLOBAL,
        gmsa: Some(GMSA_NAME),
        success: VERIFIED,
        event_source: EVENT_SOURCE,
    },
    Generation {
        name: GenerationName::G24,
        package_title: "Microsoft Entra Provisioning Agent Package",
        installer: "AADConnectProvisioningAgentSetup.exe",
        service_display_name: "Microsoft Entra Connect Provisioning Agent",
        updater_display_name: "Microsoft Entra Connect Agent Updater",
        pages: &[
            WELCOME,
            PageSpec {
                page: Page::SelectExtension,
                title: "Select Extension",
                work: &[Work::ChooseExtension],
            },
            PageSpec {
                page: Page::ConnectCloud,
                title: CONNECT_ENTRA,
                work: SIGN_IN,
            },
            SERVICE_ACCOUNT,
            ACTIVE_DIRECTORY,
            CONFIGURATION_COMPLETE,
        ],
        roles: HYBRID,
        gmsa: Some(GMSA_NAME),
        success: VERIFIED,
        event_source: EVENT_SOURCE,
    },
    Generation {
        name: GenerationName::G25,
        package_title: "Microsoft Entra Provisioning Agent Package",
        installer: "AADConnectProvisioningAgentSetup.exe",
        service_display_name: AZURE_SERVICE,
        updater_display_name: AZURE_UPDATER,
        pages: &[
            WELCOME,
            PageSpec {
                page: Page::ConnectCloud,
                title: CONNECT_ENTRA,
                work: SIGN_IN,
            },
            SERVICE_ACCOUNT,
            ACTIVE_DIRECTORY,
            CONFIGURATION_COMPLETE,
        ],
        roles: HYBRID,
        gmsa: Some(GMSA_NAME),
        success: VERIFIED,
        event_source: EVENT_SOURCE,
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_the_order_of_its_names() {
        for generation in &GENERATIONS {
            assert_eq!(Generation::find(generation.name).name, generation.name);
        }
    }

    #[test]
    fn todays_pages_are_those_of_the_reference() {
        let titles: Vec<_> = Generation::find(GenerationName::G24)
            .pages
            .iter()
            .map(|spec| spec.title)
            .collect();
        assert_eq!(
            titles,
            [
                "Welcome",
                "Select Extension",
                "Connect Microsoft Entra ID",
                "Configure Service Account",
                "Connect Active Directory",
                "Configuration complete"
            ]
        );
    }

    #[test]
    fn pages_are_found_by_key_and_by_title() {
        assert_eq!(
            Page::from_text("connect-active-directory"),
            Some(Page::ConnectActiveDirectory)
        );
        assert_eq!(
            Page::from_text("connect active directory"),
            Some(Page::ConnectActiveDirectory)
        );
        assert_eq!(Page::from_text("Agent installation"), Some(Page::Confirm));
        assert_eq!(Page::from_text("Connect"), None);
    }
}

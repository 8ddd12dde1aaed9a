//! The answer file of a wizard run, as the person's keyboard: the only place where these passwords are written.

use provlab_agent::setup::{
    answers::{Answers, CloudSignIn, DomainCredential, Extension, ServiceAccountChoice},
    generation::GenerationName,
};
use secrecy::ExposeSecret as _;
use serde::Serialize;

/// [`Answers`] in the words of an answer file.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct AnswerFile<'a> {
    generation: GenerationName,
    extension: &'static str,
    cloud_administrator: SignIn<'a>,
    service_account: Choice<'a>,
    domains: Vec<DomainPage<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "kebab-case")]
enum SignIn<'a> {
    Password {
        user_principal_name: &'a str,
        password: &'a str,
    },
    AccessToken {
        access_token: &'a str,
    },
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
enum Choice<'a> {
    CreateGmsa { credential: Typed<'a> },
    CustomGmsa { name: &'a str },
    CustomServiceAccount { credential: Typed<'a> },
}

#[derive(Serialize)]
struct Typed<'a> {
    user: &'a str,
    password: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct DomainPage<'a> {
    name: &'a str,
    credential: Typed<'a>,
    preferred_domain_controllers: &'a [String],
}

impl<'a> From<&'a DomainCredential> for Typed<'a> {
    fn from(credential: &'a DomainCredential) -> Self {
        Self {
            user: &credential.user,
            password: credential.password.expose_secret(),
        }
    }
}

impl<'a> From<&'a Answers> for AnswerFile<'a> {
    fn from(answers: &'a Answers) -> Self {
        Self {
            generation: answers.generation,
            extension: match answers.extension {
                Extension::CloudSync => "cloud-sync",
                Extension::OnPremisesApplication => "on-premises-application",
            },
            cloud_administrator: match &answers.cloud_administrator {
                CloudSignIn::Password(typed) => SignIn::Password {
                    user_principal_name: &typed.user_principal_name,
                    password: typed.password.expose_secret(),
                },
                CloudSignIn::AccessToken(token) => SignIn::AccessToken {
                    access_token: token.access_token.expose_secret(),
                },
            },
            service_account: match &answers.service_account {
                ServiceAccountChoice::CreateGmsa(create) => Choice::CreateGmsa {
                    credential: (&create.credential).into(),
                },
                ServiceAccountChoice::CustomGmsa(custom) => Choice::CustomGmsa { name: &custom.name },
                ServiceAccountChoice::CustomServiceAccount(custom) => Choice::CustomServiceAccount {
                    credential: (&custom.credential).into(),
                },
            },
            domains: answers
                .domains
                .iter()
                .map(|domain| DomainPage {
                    name: &domain.name,
                    credential: (&domain.credential).into(),
                    preferred_domain_controllers: &domain.preferred_domain_controllers,
                })
                .collect(),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {
    use provlab_agent::setup::answers::{
        CloudPassword, CloudToken, CreateGmsa, CustomGmsa, CustomServiceAccount, DomainAnswer,
    };

    use super::*;

    fn credential() -> DomainCredential {
        DomainCredential {
            user: r"CONTOSO\install-admin".into(),
            password: "p: \"#'\\ü".to_owned().into(),
        }
    }

    fn answers() -> Answers {
        Answers {
            generation: GenerationName::G23,
            extension: Extension::OnPremisesApplication,
            cloud_administrator: CloudSignIn::Password(CloudPassword {
                user_principal_name: "admin@contoso.onmicrosoft.com".into(),
                password: "{c: 1}".to_owned().into(),
            }),
            service_account: ServiceAccountChoice::CreateGmsa(CreateGmsa {
                credential: credential(),
            }),
            domains: vec![DomainAnswer {
                name: "contoso.com".into(),
                credential: credential(),
                preferred_domain_controllers: vec!["dc2.contoso.com".into()],
            }],
        }
    }

    fn read_back(answers: &Answers) -> Answers {
        Answers::parse(&serde_json::to_vec(&AnswerFile::from(answers)).unwrap()).unwrap()
    }

    #[test]
    fn the_wizard_reads_what_was_typed() {
        let read = read_back(&answers());
        assert_eq!(read.generation, GenerationName::G23);
        assert_eq!(read.extension, Extension::OnPremisesApplication);
        let CloudSignIn::Password(cloud) = &read.cloud_administrator else {
            panic!("no password")
        };
        assert_eq!(cloud.user_principal_name, "admin@contoso.onmicrosoft.com");
        assert_eq!(cloud.password.expose_secret(), "{c: 1}");
        let ServiceAccountChoice::CreateGmsa(create) = &read.service_account else {
            panic!("no gMSA")
        };
        assert_eq!(
            create.credential.password.expose_secret(),
            credential().password.expose_secret()
        );
        assert_eq!(read.domains[0].credential.user, r"CONTOSO\install-admin");
        assert_eq!(read.domains[0].preferred_domain_controllers, ["dc2.contoso.com"]);
    }

    #[test]
    fn the_other_choices_are_read_too() {
        let mut other = answers();
        other.cloud_administrator = CloudSignIn::AccessToken(CloudToken {
            access_token: "ey.J0.x".to_owned().into(),
        });
        other.service_account = ServiceAccountChoice::CustomGmsa(CustomGmsa { name: "own$".into() });
        let read = read_back(&other);
        assert!(
            matches!(&read.cloud_administrator, CloudSignIn::AccessToken(token)
            if token.access_token.expose_secret() == "ey.J0.x")
        );
        assert!(
            matches!(&read.service_account, ServiceAccountChoice::CustomGmsa(custom) if custom.name == "own$")
        );
        other.service_account = ServiceAccountChoice::CustomServiceAccount(CustomServiceAccount {
            credential: credential(),
        });
        let read = read_back(&other);
        let ServiceAccountChoice::CustomServiceAccount(custom) = &read.service_account else {
            panic!("no custom service account")
        };
        assert_eq!(
            custom.credential.password.expose_secret(),
            credential().password.expose_secret()
        );
    }
}

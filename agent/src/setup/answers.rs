//! What a person would type into the wizard, as a file.

use secrecy::SecretString;
use serde::Deserialize;
use thiserror::Error;

use super::generation::GenerationName;

/// Largest answer file that is read.
pub const MAX_ANSWER_BYTES: usize = 256 * 1024;
/// Most domains in one run of the wizard.
pub const MAX_DOMAINS: usize = 100;

/// All answers of one run.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Answers {
    /// Which generation of the wizard runs.
    #[serde(default)]
    pub generation: GenerationName,
    /// The choice on **Select Extension**.
    #[serde(default)]
    pub extension: Extension,
    /// Who signs in to the cloud.
    pub cloud_administrator: CloudSignIn,
    /// The choice on **Configure Service Account**.
    pub service_account: ServiceAccountChoice,
    /// The domains of **Connect Active Directory**.
    pub domains: Vec<DomainAnswer>,
}

/// What the agent serves (CS 1.3, seed 001).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Extension {
    /// HR-driven provisioning (Workday and SuccessFactors) / Microsoft Entra Connect cloud sync.
    #[default]
    CloudSync,
    /// On-premises application provisioning (Microsoft Entra ID to application): another product's engine.
    OnPremisesApplication,
}

/// How the administrator signs in.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CloudSignIn {
    /// User name and password.
    Password(CloudPassword),
    /// A token that was fetched elsewhere, for accounts with MFA (unofficial parameter of CS 4.1).
    AccessToken(CloudToken),
}

/// User name and password for the cloud.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct CloudPassword {
    /// User principal name.
    pub user_principal_name: String,
    /// Password.
    pub password: SecretString,
}

/// A ready token for the cloud.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct CloudToken {
    /// Bearer token for the registration audience.
    pub access_token: SecretString,
}

/// A domain account with its password.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct DomainCredential {
    /// `DOMAIN\name` or UPN; on OpenLDAP the distinguished name.
    pub user: String,
    /// Password.
    pub password: SecretString,
}

/// Which account runs the service (CS 3.3).
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ServiceAccountChoice {
    /// Make `provAgentgMSA$` or reuse the one that is there; needs a domain administrator of the host's domain.
    CreateGmsa(CreateGmsa),
    /// Use an account that an administrator prepared.
    CustomGmsa(CustomGmsa),
    /// Use an ordinary account that an administrator prepared, in a directory that has no managed accounts. An extension of
    /// provlab: the product runs on Active Directory only, and knows gMSAs only.
    CustomServiceAccount(CustomServiceAccount),
}

/// Answers of **Create gMSA**.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct CreateGmsa {
    /// Domain administrator of the domain that the host is joined to.
    pub credential: DomainCredential,
}

/// Answers of **Use custom gMSA**.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct CustomGmsa {
    /// `DOMAIN\name$` or `name$`.
    pub name: String,
}

/// Answers of **Use custom service account** (provlab's own).
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct CustomServiceAccount {
    /// The account by its distinguished name, which is what such directories bind by. The host keeps the password as Windows keeps
    /// that of a service.
    pub credential: DomainCredential,
}

/// One domain to serve.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct DomainAnswer {
    /// DNS name.
    pub name: String,
    /// Domain or enterprise administrator of that domain.
    pub credential: DomainCredential,
    /// **Select domain controller priority**, best first.
    #[serde(default)]
    pub preferred_domain_controllers: Vec<String>,
}

/// The answer file cannot be used.
#[derive(Debug, Error)]
pub enum AnswersError {
    /// More than [`MAX_ANSWER_BYTES`].
    #[error("the answer file has {0} bytes; the limit is {MAX_ANSWER_BYTES}")]
    TooLarge(usize),
    /// Not UTF-8.
    #[error("the answer file is not UTF-8 text")]
    NotText,
    /// Not YAML, or not the words of an answer file.
    #[error("the answer file cannot be understood: {0}")]
    Malformed(String),
    /// No domain, or too many.
    #[error("the answer file names {0} domains; give 1 to {MAX_DOMAINS} under `domains`")]
    Domains(usize),
}

impl Answers {
    /// Reads an answer file: YAML, of which JSON is a part.
    ///
    /// # Errors
    /// When the file is too large, malformed, or names no domain.
    pub fn parse(bytes: &[u8]) -> Result<Self, AnswersError> {
        if bytes.len() > MAX_ANSWER_BYTES {
            return Err(AnswersError::TooLarge(bytes.len()));
        }
        let text = std::str::from_utf8(bytes).map_err(|_| AnswersError::NotText)?;
        // The snippet of the error would show passwords that stand near the mistake.
        let answers: Self =
            serde_saphyr::from_str_with_options(text, serde_saphyr::options! { with_snippet: false })
                .map_err(|error| AnswersError::Malformed(error.to_string()))?;
        if answers.domains.is_empty() || answers.domains.len() > MAX_DOMAINS {
            return Err(AnswersError::Domains(answers.domains.len()));
        }
        Ok(answers)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret;

    const SAMPLE: &str = r"
cloud-administrator:
  password: { user-principal-name: admin@contoso.onmicrosoft.com, password: c1oud }
service-account:
  create-gmsa: { credential: { user: CONTOSO\Administrator, password: d0main } }
domains:
  - name: contoso.com
    credential: { user: CONTOSO\Administrator, password: d0main }
    preferred-domain-controllers: [dc2.contoso.com]
";

    #[test]
    fn a_whole_file_is_read() {
        let answers = Answers::parse(SAMPLE.as_bytes()).unwrap();
        assert_eq!(answers.generation, GenerationName::G24);
        assert_eq!(answers.extension, Extension::CloudSync);
        assert_eq!(
            answers.domains[0].preferred_domain_controllers,
            ["dc2.contoso.com"]
        );
        assert_eq!(answers.domains[0].credential.password.expose_secret(), "d0main");
    }

    #[test]
    fn passwords_stay_out_of_debug_output_and_errors() {
        let answers = Answers::parse(SAMPLE.as_bytes()).unwrap();
        let shown = format!("{answers:?}");
        assert!(!shown.contains("c1oud") && !shown.contains("d0main"));
        let misspelt = SAMPLE.replace("service-account", "service-acount");
        let error = Answers::parse(misspelt.as_bytes()).unwrap_err().to_string();
        assert!(error.contains("service-acount"), "{error}");
        assert!(!error.contains("c1oud") && !error.contains("d0main"), "{error}");
    }

    #[test]
    fn size_and_domains_are_bounded() {
        let padded = format!("{SAMPLE}#{}", "x".repeat(MAX_ANSWER_BYTES - SAMPLE.len() - 1));
        assert!(Answers::parse(padded.as_bytes()).is_ok());
        let one_more = format!("{padded}x");
        assert!(matches!(
            Answers::parse(one_more.as_bytes()),
            Err(AnswersError::TooLarge(_))
        ));
        let start = SAMPLE.find("domains:").unwrap();
        let none = format!("{}domains: []\n", &SAMPLE[..start]);
        assert!(matches!(
            Answers::parse(none.as_bytes()),
            Err(AnswersError::Domains(0))
        ));
    }
}

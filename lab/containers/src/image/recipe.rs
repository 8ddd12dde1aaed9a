//! The recipes: which files make an image, and the digest by which it is kept.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};

use crate::server::Kind;

/// What the names of all our images begin with.
pub const REPOSITORY_PREFIX: &str = "provlab-";

/// Bytes of the digest that a tag shows.
const SHORT_DIGEST_BYTES: usize = 6;

/// The password that a provisioned domain's administrator has until a container starts: public, and good for nothing else.
pub(crate) const PROVISIONED_PASSWORD: &str = "Provisioned.By.The.Recipe.1";

/// A file of a build context.
#[derive(Debug, Clone)]
pub(crate) struct ContextFile {
    pub(crate) path: &'static str,
    pub(crate) text: String,
}

/// One layer of ours: a `Dockerfile` with the files that it copies, on the layer below or on the base image.
///
/// `@BASE@` in the `Dockerfile` stands for what is below; it is not part of the text that the digest is made of, so a base
/// image that came another way makes no other image.
#[derive(Debug, Clone)]
pub(crate) struct Image {
    pub(crate) kind: Kind,
    repository: String,
    /// Digest of the texts before anything is filled in.
    recipe: String,
    files: Vec<ContextFile>,
    below: Option<Box<Image>>,
}

impl Image {
    fn new(kind: Kind, repository: &str, files: &[(&'static str, &str)], arguments: &[(&str, &str)]) -> Self {
        let recipe = digest(None, files.iter().copied());
        let files = files
            .iter()
            .map(|(path, text)| ContextFile {
                path,
                text: fill(text, arguments),
            })
            .collect();
        Self {
            kind,
            repository: format!("{REPOSITORY_PREFIX}{repository}"),
            recipe,
            files,
            below: None,
        }
    }

    fn on(self, below: Image) -> Self {
        Self {
            recipe: format!("{}.{}", below.recipe, self.recipe),
            below: Some(Box::new(below)),
            ..self
        }
    }

    /// Digest over the files, what is filled into them, and what is below.
    pub(crate) fn digest(&self) -> String {
        let below = self.below.as_ref().map(|below| below.digest());
        digest(
            below.as_deref(),
            self.files.iter().map(|file| (file.path, file.text.as_str())),
        )
    }

    /// What tells an image of this recipe from one of an earlier recipe, whatever domain it holds.
    pub(crate) fn recipe(&self) -> &str {
        &self.recipe
    }

    pub(crate) fn tag(&self) -> String {
        format!("{}:{}", self.repository, self.digest())
    }

    /// This layer and those below it, the lowest first.
    pub(crate) fn layers(&self) -> Vec<&Image> {
        let mut layers = self.below.as_deref().map(Image::layers).unwrap_or_default();
        layers.push(self);
        layers
    }

    /// The build context, on `base` where nothing of ours is below.
    pub(crate) fn context(&self, base: &str) -> Vec<ContextFile> {
        let below = self
            .below
            .as_ref()
            .map_or_else(|| base.to_owned(), |image| image.tag());
        let mut files = self.files.clone();
        for file in files.iter_mut().filter(|file| file.path == "Dockerfile") {
            file.text = fill(&file.text, &[("BASE", &below)]);
        }
        files
    }
}

fn digest<'a>(below: Option<&str>, files: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let mut hash = Sha256::new();
    hash.update(below.unwrap_or_default());
    for (path, text) in files {
        // Lengths keep the end of one text from passing for the start of the next.
        for text in [path, text] {
            hash.update((text.len() as u64).to_be_bytes());
            hash.update(text);
        }
    }
    hex::encode(&hash.finalize()[..SHORT_DIGEST_BYTES])
}

/// The recipes of today, by what [`Image::recipe`] says of them.
pub(crate) fn current() -> Vec<String> {
    // The names do not count.
    let layered = samba("contoso.lab", "CONTOSO", "dc1");
    let layers = layered
        .layers()
        .into_iter()
        .map(|image| image.recipe().to_owned());
    layers.chain([openldap().recipe().to_owned()]).collect()
}

/// Puts values where `text` has `@NAME@`.
pub(crate) fn fill(text: &str, values: &[(&str, &str)]) -> String {
    let mut filled = text.to_owned();
    let mut marker = String::new();
    for (name, value) in values {
        marker.clear();
        let _ = write!(marker, "@{name}@");
        filled = filled.replace(&marker, value);
    }
    filled
}

/// Samba with a provisioned domain; the names have been checked.
pub(crate) fn samba(domain: &str, netbios: &str, controller: &str) -> Image {
    let packages = Image::new(
        Kind::Samba,
        "samba-base",
        &[("Dockerfile", include_str!("../../images/samba/base.Dockerfile"))],
        &[],
    );
    let realm = domain.to_ascii_uppercase();
    Image::new(
        Kind::Samba,
        &format!("samba-{domain}"),
        &[
            ("Dockerfile", include_str!("../../images/samba/Dockerfile")),
            ("provision", include_str!("../../images/samba/provision")),
            ("smb.conf", include_str!("../../images/samba/smb.conf")),
            ("krb5.conf", include_str!("../../images/samba/krb5.conf")),
        ],
        &[
            ("REALM", &realm),
            ("DOMAIN", domain),
            ("NETBIOS", netbios),
            ("HOST", controller),
            ("DC", &controller.to_ascii_uppercase()),
            ("PASSWORD", PROVISIONED_PASSWORD),
        ],
    )
    .on(packages)
}

/// OpenLDAP; a suffix is given to the container, so that all share one image.
pub(crate) fn openldap() -> Image {
    Image::new(
        Kind::OpenLdap,
        "openldap",
        &[
            ("Dockerfile", include_str!("../../images/openldap/Dockerfile")),
            ("start", include_str!("../../images/openldap/start")),
        ],
        &[],
    )
}

#[cfg(test)]
impl Image {
    /// An image of a test's own.
    pub(crate) fn of_test(repository: &str, dockerfile: &str) -> Self {
        Self::new(Kind::OpenLdap, repository, &[("Dockerfile", dockerfile)], &[])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_follows_text_arguments_and_what_is_below() {
        let image = samba("contoso.lab", "CONTOSO", "dc1");
        assert_eq!(image.tag(), samba("contoso.lab", "CONTOSO", "dc1").tag());
        assert!(image.tag().starts_with("provlab-samba-contoso.lab:"));
        assert_ne!(image.digest(), samba("contoso.lab", "CONTOSO", "dc2").digest());
        assert_ne!(image.digest(), samba("contoso.lab", "OTHER", "dc1").digest());
        let on_other = image.clone().on(Image::of_test("other", "FROM x"));
        assert_ne!(image.digest(), on_other.digest());
    }

    #[test]
    fn a_recipe_does_not_follow_arguments() {
        let image = samba("contoso.lab", "CONTOSO", "dc1");
        assert_eq!(image.recipe(), samba("fabrikam.lab", "FABRIKAM", "dc9").recipe());
        assert_eq!(current().len(), 3);
        assert!(current().contains(&image.recipe().to_owned()));
        assert!(!current().contains(&Image::of_test("other", "FROM x").recipe().to_owned()));
    }

    #[test]
    fn nothing_is_left_to_fill_in() {
        for image in [samba("contoso.lab", "CONTOSO", "dc1"), openldap()] {
            for layer in image.layers() {
                for file in layer.context("debian:trixie-slim") {
                    assert!(!file.text.contains('@'), "{} of {}", file.path, layer.tag());
                }
            }
        }
    }

    #[test]
    fn a_domain_lies_on_the_packages() {
        let image = samba("contoso.lab", "CONTOSO", "dc1");
        let layers = image.layers();
        assert_eq!(layers.len(), 2);
        let dockerfile = &image.context("debian:trixie-slim")[0].text;
        assert!(
            dockerfile.contains(&format!("FROM {}", layers[0].tag())),
            "{dockerfile}"
        );
        assert!(
            layers[0].context("debian:trixie-slim")[0]
                .text
                .contains("FROM debian:trixie-slim")
        );
    }
}

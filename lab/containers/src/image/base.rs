//! The base image: there already, pulled, or made from the machine's own mirror where no registry answers.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt};
use testcontainers::bollard::body_try_stream;
use testcontainers::bollard::query_parameters::CreateImageOptionsBuilder;
use tokio::io::AsyncReadExt;
use tokio::process::{ChildStdout, Command};
use tokio::time::timeout;

use super::{apt, build};
use crate::error::{Tail, engine_text};
use crate::owner::label;
use crate::{ContainerError, Engine};

/// The base of all recipes: Debian 13.
const DEBIAN: &str = "debian:trixie-slim";

/// The base made here where no registry answers: a name of its own, so that nobody takes it for Debian's image.
const MADE_HERE: &str = "provlab-debian:trixie";

/// The release that is bootstrapped.
const RELEASE: &str = "trixie";

/// How long a pull may go without a sign of progress.
const PULL_SILENCE_LIMIT: Duration = Duration::from_secs(15);

/// How long bootstrapping may take.
const BOOTSTRAP_LIMIT: Duration = Duration::from_secs(600);

/// Most bytes of one file of apt sources, and most files, that are looked at.
const MAX_SOURCES_BYTES: u64 = 256 << 10;
const MAX_SOURCES_FILES: usize = 200;

/// Bytes of the bootstrapped tree that go to the engine at a time.
const CHUNK_BYTES: usize = 256 << 10;

/// Which way the base image came; `lab doctor` shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BaseImage {
    /// `debian:trixie-slim` was in the engine.
    Local,
    /// It came from a registry.
    Pulled,
    /// It was made by `debootstrap` from the mirror in the machine's apt sources.
    Debootstrap,
}

impl BaseImage {
    /// The image's tag.
    #[must_use]
    pub fn tag(self) -> &'static str {
        match self {
            Self::Local | Self::Pulled => DEBIAN,
            Self::Debootstrap => MADE_HERE,
        }
    }

    /// How it came, for a person.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Local => "in the engine",
            Self::Pulled => "pulled from a registry",
            Self::Debootstrap => "made by debootstrap from this machine's apt mirror",
        }
    }
}

/// Neither a registry nor a mirror gave a base image.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "no registry gave {DEBIAN} ({pull}), and it cannot be made here: {bootstrap}\n\
     help: {remedy}, or put the image in by hand (`docker pull {DEBIAN}`, `docker load`)"
)]
pub struct NoBaseImage {
    /// Why the pull failed.
    pub pull: String,
    /// Why it could not be made.
    pub bootstrap: String,
    /// What a person can do about it.
    pub remedy: &'static str,
}

/// The base image that the engine has already, if any.
///
/// # Errors
/// [`ContainerError::Refused`] if the engine does not say.
pub async fn present(engine: &Engine) -> Result<Option<BaseImage>, ContainerError> {
    for base in [BaseImage::Local, BaseImage::Debootstrap] {
        if build::exists(engine, base.tag()).await? {
            return Ok(Some(base));
        }
    }
    Ok(None)
}

/// Sees to it that there is a base image.
///
/// # Errors
/// [`ContainerError::NoBaseImage`] if there is no way to have one.
pub async fn ensure(engine: &Engine) -> Result<BaseImage, ContainerError> {
    if let Some(base) = present(engine).await? {
        return Ok(base);
    }
    let pull = match pull(engine).await {
        Ok(()) => return Ok(BaseImage::Pulled),
        Err(reason) => reason,
    };
    match bootstrap(engine).await {
        Ok(()) => Ok(BaseImage::Debootstrap),
        Err(Bootstrap::Engine(error)) => Err(error),
        Err(Bootstrap::Impossible(reason, remedy)) => Err(ContainerError::NoBaseImage(NoBaseImage {
            pull,
            bootstrap: reason,
            remedy,
        })),
    }
}

async fn pull(engine: &Engine) -> Result<(), String> {
    let options = CreateImageOptionsBuilder::new().from_image(DEBIAN).build();
    let mut pulling = engine.docker.create_image(Some(options), None, None);
    loop {
        match timeout(PULL_SILENCE_LIMIT, pulling.next()).await {
            Ok(Some(Ok(_))) => {}
            Ok(Some(Err(e))) => return Err(engine_text(&e)),
            Ok(None) => return Ok(()),
            Err(_) => return Err(format!("nothing came for {PULL_SILENCE_LIMIT:?}")),
        }
    }
}

/// Why there is no bootstrapped image.
enum Bootstrap {
    Impossible(String, &'static str),
    Engine(ContainerError),
}

const INSTALL: &str = "install it (`apt-get install debootstrap`) and run again as root";
const BE_ROOT: &str = "run once as root, so that debootstrap may make the image";
const NAME_MIRROR: &str = "name a mirror of Debian in the machine's apt sources";
const SEE_OUTPUT: &str = "mend what its output says";

/// What a failed run of `debootstrap` says, and what helps against it.
const COMPLAINTS: [(&str, &str); 2] = [("can only run as root", BE_ROOT), ("need root", BE_ROOT)];

async fn bootstrap(engine: &Engine) -> Result<(), Bootstrap> {
    let impossible = |reason: &str, remedy| Bootstrap::Impossible(reason.to_owned(), remedy);
    let mirror = machine_mirror()
        .ok_or_else(|| impossible("the machine's apt sources name no mirror of Debian", NAME_MIRROR))?;
    let folder = tempfile::tempdir().map_err(|e| impossible(&e.to_string(), SEE_OUTPUT))?;
    let run = Command::new("debootstrap")
        .args(["--variant=minbase", RELEASE])
        .arg(folder.path())
        .arg(&mirror)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = match timeout(BOOTSTRAP_LIMIT, run).await {
        Ok(Ok(output)) => output,
        Ok(Err(e)) if e.kind() == std::io::ErrorKind::NotFound => {
            return Err(impossible("debootstrap is not installed", INSTALL));
        }
        Ok(Err(e)) => return Err(impossible(&e.to_string(), SEE_OUTPUT)),
        Err(_) => return Err(impossible("debootstrap took too long", SEE_OUTPUT)),
    };
    if !output.status.success() {
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said);
        let remedy = COMPLAINTS.iter().find(|(phrase, _)| said.contains(phrase));
        let reason = format!("debootstrap failed{}", Tail::of(&said));
        return Err(Bootstrap::Impossible(
            reason,
            remedy.map_or(SEE_OUTPUT, |(_, remedy)| remedy),
        ));
    }
    import(engine, folder.path(), MADE_HERE).await
}

async fn import(engine: &Engine, root: &Path, tag: &str) -> Result<(), Bootstrap> {
    let failed = |e: std::io::Error| Bootstrap::Engine(ContainerError::machine("run tar")(e));
    let mut tar = Command::new("tar")
        .args(["-c", "--one-file-system", "."])
        .current_dir(root)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(failed)?;
    let Some(stdout) = tar.stdout.take() else {
        return Err(failed(std::io::ErrorKind::BrokenPipe.into()));
    };
    let changes = vec![format!("LABEL {}=base", label::KIND)];
    let options = CreateImageOptionsBuilder::new()
        .from_src("-")
        .repo(tag)
        .changes(changes)
        .build();
    let mut importing =
        engine
            .docker
            .create_image(Some(options), Some(body_try_stream(chunks(stdout))), None);
    while let Some(step) = importing.next().await {
        step.map_err(|e| Bootstrap::Engine(ContainerError::engine("import the base image", &e)))?;
    }
    let status = tar.wait().await.map_err(failed)?;
    match status.success() {
        true => Ok(()),
        false => Err(failed(std::io::Error::other(format!("tar ended with {status}")))),
    }
}

fn chunks(stdout: ChildStdout) -> impl Stream<Item = std::io::Result<Bytes>> + Send {
    futures_util::stream::try_unfold(stdout, |mut stdout| async move {
        let mut chunk = BytesMut::with_capacity(CHUNK_BYTES);
        let read = stdout.read_buf(&mut chunk).await?;
        Ok((read > 0).then(|| (chunk.freeze(), stdout)))
    })
}

fn machine_mirror() -> Option<String> {
    let folder = Path::new("/etc/apt/sources.list.d");
    let mut paths: Vec<PathBuf> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| {
            path.extension()
                .is_some_and(|kind| kind == "list" || kind == "sources")
        })
        .take(MAX_SOURCES_FILES)
        .collect();
    paths.sort();
    paths.insert(0, PathBuf::from("/etc/apt/sources.list"));
    let texts: Vec<(String, String)> = paths
        .iter()
        .filter_map(|path| {
            let mut text = String::new();
            fs::File::open(path)
                .ok()?
                .take(MAX_SOURCES_BYTES)
                .read_to_string(&mut text)
                .ok()?;
            Some((path.to_string_lossy().into_owned(), text))
        })
        .collect();
    apt::mirror(texts.iter().map(|(name, text)| (name.as_str(), text.as_str())))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::image::test_engine;
    use testcontainers::bollard::query_parameters::RemoveImageOptions;

    /// A tree of our own in place of the bootstrapped one, which takes a mirror and half a minute.
    #[tokio::test]
    async fn a_tree_becomes_an_image() {
        let Some(engine) = test_engine().await else {
            return;
        };
        let tag = format!("provlab-test-tree:{}", std::process::id());
        let tree = tempfile::tempdir().unwrap();
        fs::write(tree.path().join("file"), "x".repeat(2 * CHUNK_BYTES)).unwrap();
        assert!(import(&engine, tree.path(), &tag).await.is_ok());
        let image = engine.docker.inspect_image(&tag).await.unwrap();
        engine
            .docker
            .remove_image(&tag, None::<RemoveImageOptions>, None)
            .await
            .unwrap();
        assert_eq!(image.config.unwrap().labels.unwrap()[label::KIND], "base");
        assert!(image.size.unwrap() >= 2 * CHUNK_BYTES as i64);
        assert!(!build::exists(&engine, &tag).await.unwrap());
    }
}

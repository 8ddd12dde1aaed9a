//! Images: recipes as data, built at first use, kept by digest.

mod apt;
mod base;
mod build;
mod lock;
mod recipe;
mod tar;

use std::time::Instant;

use provlab_platform::event;
use provlab_platform::trace::{Part, Trace};

pub use base::{BaseImage, NoBaseImage, ensure as ensure_base, present as present_base};
#[cfg(test)]
pub(crate) use build::{build, exists};
pub use recipe::REPOSITORY_PREFIX;
pub(crate) use recipe::{Image, PROVISIONED_PASSWORD, current, fill, openldap, samba};

use crate::{ContainerError, Engine};

/// Builds what is missing of `image` and the images below it, and returns its tag.
///
/// One build at a time on this machine: whoever comes second waits and finds the image made.
pub(crate) async fn ensure(engine: &Engine, image: &Image, trace: &Trace) -> Result<String, ContainerError> {
    if build::exists(engine, &image.tag()).await? {
        return Ok(image.tag());
    }
    let _lock = lock::acquire().await?;
    let base = base::ensure(engine).await?;
    for layer in image.layers() {
        if build::exists(engine, &layer.tag()).await? {
            continue;
        }
        let (tag, started) = (layer.tag(), Instant::now());
        event!(
            trace,
            Part::Directory,
            "image.build",
            image = tag,
            base = base.as_str()
        );
        build::build(engine, layer, base.tag()).await?;
        let millis = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        event!(trace, Part::Directory, "image.built", image = tag, ms = millis);
    }
    Ok(image.tag())
}

/// The engine, for tests here; without one they are *not run*, which `PROVLAB_REQUIRE` turns into a failure.
#[cfg(test)]
pub(crate) async fn test_engine() -> Option<Engine> {
    let reason = match crate::engine::probe().await {
        Ok(engine) => return Some(engine),
        Err(reason) => reason,
    };
    let required = std::env::var("PROVLAB_REQUIRE").unwrap_or_default();
    let wanted = ["samba", "openldap"].iter().any(|kind| required.contains(kind));
    assert!(!wanted, "required (PROVLAB_REQUIRE) and cannot run: {reason}");
    eprintln!("not run: {reason}");
    None
}

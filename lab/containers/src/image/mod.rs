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

//! Images: recipes as data, built at first use, kept by digest.

mod apt;
mod base;
mod build;
mod lock;
mod recipe;
mod tar;

pub use base::{BaseImage, NoBaseImage, ensure as ensure_base, present as present_base};
pub use recipe::REPOSITORY_PREFIX;
pub(crate) use recipe::{Image, PROVISIONED_PASSWORD, fill, openldap, samba};

use crate::{ContainerError, Engine};

/// Builds what is missing of `image` and the images below it, and returns its tag.
///
/// One build at a time on this machine: whoever comes second waits and finds the image made.
pub(crate) async fn ensure(engine: &Engine, image: &Image) -> Result<String, ContainerError> {
    if build::exists(engine, &image.tag()).await? {
        return Ok(image.tag());
    }
    let _lock = lock::acquire().await?;
    let base = base::ensure(engine).await?;
    for layer in image.layers() {
        if !build::exists(engine, &layer.tag()).await? {
            build::build(engine, layer, base.tag()).await?;
        }
    }
    Ok(image.tag())
}

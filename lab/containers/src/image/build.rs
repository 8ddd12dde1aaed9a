//! Building through the engine's own BuildKit.

use bytes::Bytes;
use futures_util::StreamExt;
use testcontainers::bollard::body_full;
use testcontainers::bollard::errors::Error as EngineError;
use testcontainers::bollard::models::BuildInfoAux;
use testcontainers::bollard::query_parameters::{BuildImageOptionsBuilder, BuilderVersion};

use super::recipe::Image;
use super::tar;
use crate::error::{Tail, engine_text};
use crate::owner::label;
use crate::{ContainerError, Engine};

/// Most output of a build that is kept to quote from, in bytes.
const MAX_KEPT_BYTES: usize = 256 << 10;

/// Whether the engine has an image of this tag.
pub(super) async fn exists(engine: &Engine, tag: &str) -> Result<bool, ContainerError> {
    match engine.docker.inspect_image(tag).await {
        Ok(_) => Ok(true),
        Err(EngineError::DockerResponseServerError { status_code: 404, .. }) => Ok(false),
        Err(e) => Err(ContainerError::engine(format!("look for the image {tag}"), &e)),
    }
}

/// Builds one layer; what is below must be there.
pub(super) async fn build(engine: &Engine, image: &Image, base: &str) -> Result<(), ContainerError> {
    let tag = image.tag();
    let labels = [
        (label::KIND, image.kind.to_string()),
        (label::DIGEST, image.digest()),
    ];
    let session = format!("{tag}-{}", std::process::id()).replace([':', '.'], "-");
    let options = BuildImageOptionsBuilder::new()
        .dockerfile("Dockerfile")
        .t(&tag)
        .labels(
            &labels
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value))
                .collect(),
        )
        .rm(true)
        .version(BuilderVersion::BuilderBuildKit)
        .session(&session)
        .build();
    let context = body_full(Bytes::from(tar::archive(&image.context(base))));
    let mut building = engine.docker.build_image(options, None, Some(context));
    let mut output = String::new();
    while let Some(step) = building.next().await {
        match step {
            Ok(info) => {
                output.push_str(info.stream.as_deref().unwrap_or_default());
                if let Some(BuildInfoAux::BuildKit(status)) = info.aux {
                    status
                        .logs
                        .iter()
                        .for_each(|log| output.push_str(&String::from_utf8_lossy(&log.msg)));
                }
                let surplus = output.len().saturating_sub(MAX_KEPT_BYTES);
                output.drain(..output.ceil_char_boundary(surplus));
            }
            Err(error) => return Err(failed(tag, &error, &output)),
        }
    }
    Ok(())
}

fn failed(tag: String, error: &EngineError, output: &str) -> ContainerError {
    let detail = engine_text(error);
    if ContainerError::is_disk_full(&detail) || ContainerError::is_disk_full(Tail::of(output).as_str()) {
        return ContainerError::DiskFull {
            doing: format!("build the image {tag}"),
            detail,
        };
    }
    ContainerError::Build {
        tag,
        detail,
        output: Tail::of(output),
    }
}

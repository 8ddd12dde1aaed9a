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
pub(crate) async fn exists(engine: &Engine, tag: &str) -> Result<bool, ContainerError> {
    match engine.docker.inspect_image(tag).await {
        Ok(_) => Ok(true),
        Err(EngineError::DockerResponseServerError { status_code: 404, .. }) => Ok(false),
        Err(e) => Err(ContainerError::engine(format!("look for the image {tag}"), &e)),
    }
}

/// Builds one layer; what is below must be there.
pub(crate) async fn build(engine: &Engine, image: &Image, base: &str) -> Result<(), ContainerError> {
    let tag = image.tag();
    let labels = [
        (label::KIND, image.kind.to_string()),
        (label::DIGEST, image.digest()),
        (label::RECIPE, image.recipe().to_owned()),
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::image::{base, test_engine};

    #[tokio::test]
    async fn a_failing_recipe_shows_the_last_lines_of_its_output() {
        let Some(engine) = test_engine().await else {
            return;
        };
        let base = base::ensure(&engine).await.unwrap();
        let image = Image::of_test(
            "failing",
            "FROM @BASE@\nRUN echo a start; echo the reason >&2; exit 7\n",
        );
        let failed = build(&engine, &image, base.tag()).await.unwrap_err();
        let ContainerError::Build { tag, output, .. } = &failed else {
            unreachable!("{failed}");
        };
        assert_eq!(*tag, image.tag());
        assert!(output.as_str().contains("the reason"), "{failed}");
        assert!(failed.to_string().contains("exit code: 7"), "{failed}");
        assert!(!exists(&engine, &image.tag()).await.unwrap());
    }

    #[test]
    fn a_full_disk_is_told_from_a_bad_recipe() {
        let error = |text: &str| EngineError::DockerStreamError {
            error: text.to_owned(),
        };
        let full = failed("x:1".to_owned(), &error("write /x: no space left on device"), "");
        assert!(matches!(full, ContainerError::DiskFull { .. }));
        // The package tools see it first.
        let full = failed(
            "x:1".to_owned(),
            &error("exit code: 100"),
            "E: write error: No space left on device\n",
        );
        assert!(matches!(full, ContainerError::DiskFull { .. }));
        let bad = failed("x:1".to_owned(), &error("exit code: 100"), "E: no such package\n");
        assert!(matches!(bad, ContainerError::Build { .. }));
    }
}

//! Removing what killed runs have left, and nothing else.

use std::collections::HashMap;

use testcontainers::bollard::errors::Error as EngineError;
use testcontainers::bollard::query_parameters::{
    ListContainersOptionsBuilder, ListImagesOptionsBuilder, RemoveContainerOptionsBuilder, RemoveImageOptions,
};

use crate::image::{self, REPOSITORY_PREFIX};
use crate::owner::{Boot, Kinship, label};
use crate::{ContainerError, Engine, Owner};

/// A container that was removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Swept {
    /// The engine's identifier of it.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The kind of server, as its label says.
    pub kind: String,
    /// The process that had started it.
    pub owner: String,
}

/// Removes every container of ours whose owner is dead: by process number and start time, on this machine.
///
/// # Errors
/// [`ContainerError::Refused`] by the engine.
pub async fn sweep(engine: &Engine) -> Result<Vec<Swept>, ContainerError> {
    let here = Boot::current();
    sweep_those(engine, |labels| is_orphan(&here, labels)).await
}

/// Removes every container that this process has started: for its end, when whoever had started one may have been broken off
/// before it knew of it.
///
/// # Errors
/// [`ContainerError::Refused`] by the engine.
pub async fn sweep_own(engine: &Engine) -> Result<Vec<Swept>, ContainerError> {
    let (here, own) = (Boot::current().to_string(), Owner::current().to_string());
    sweep_those(engine, |labels| {
        labels.get(label::OWNER) == Some(&own) && labels.get(label::BOOT) == Some(&here)
    })
    .await
}

async fn sweep_those(
    engine: &Engine,
    doomed: impl Fn(&HashMap<String, String>) -> bool,
) -> Result<Vec<Swept>, ContainerError> {
    let filters = HashMap::from([("label", vec![label::OWNER])]);
    let options = ListContainersOptionsBuilder::new()
        .all(true)
        .filters(&filters)
        .build();
    let found = engine
        .docker
        .list_containers(Some(options))
        .await
        .map_err(|e| ContainerError::engine("list the lab's containers", &e))?;
    let mut swept = Vec::new();
    for container in found {
        let labels = container.labels.unwrap_or_default();
        let (Some(id), true) = (container.id, doomed(&labels)) else {
            continue;
        };
        let force = RemoveContainerOptionsBuilder::new().force(true).v(true).build();
        match engine.docker.remove_container(&id, Some(force)).await {
            Ok(()) => swept.push(Swept {
                name: first_name(container.names),
                kind: labels.get(label::KIND).cloned().unwrap_or_default(),
                owner: labels.get(label::OWNER).cloned().unwrap_or_default(),
                id,
            }),
            // Somebody else swept at the same time: gone already, or being removed.
            Err(EngineError::DockerResponseServerError {
                status_code: 404 | 409,
                ..
            }) => {}
            Err(e) => return Err(ContainerError::engine("remove a container", &e)),
        }
    }
    Ok(swept)
}

/// The engine writes names as paths.
fn first_name(names: Option<Vec<String>>) -> String {
    let first = names.unwrap_or_default().into_iter().next().unwrap_or_default();
    first.trim_start_matches('/').to_owned()
}

/// Whether the labels are ours and their owner is certainly dead.
fn is_orphan(here: &Boot, labels: &HashMap<String, String>) -> bool {
    let Some(Ok(owner)) = labels.get(label::OWNER).map(|text| text.parse::<Owner>()) else {
        return false;
    };
    match labels
        .get(label::BOOT)
        .map_or(Kinship::Foreign, |boot| here.judge(boot))
    {
        Kinship::Same => owner.started != 0 && !owner.is_alive(),
        Kinship::EarlierBoot => true,
        Kinship::Foreign => false,
    }
}

/// Removes the images of recipes that are no longer today's, unless a container has them, and returns their tags.
///
/// # Errors
/// [`ContainerError::Refused`] by the engine.
pub async fn sweep_images(engine: &Engine) -> Result<Vec<String>, ContainerError> {
    let current = image::current();
    sweep_recipes(engine, |recipe| !current.iter().any(|known| known == recipe)).await
}

async fn sweep_recipes(engine: &Engine, stale: impl Fn(&str) -> bool) -> Result<Vec<String>, ContainerError> {
    let filters = HashMap::from([("label", vec![label::RECIPE])]);
    let options = ListImagesOptionsBuilder::new().filters(&filters).build();
    let found = engine
        .docker
        .list_images(Some(options))
        .await
        .map_err(|e| ContainerError::engine("list the lab's images", &e))?;
    let stale = found.into_iter().filter(|image| {
        image
            .labels
            .get(label::RECIPE)
            .is_some_and(|recipe| stale(recipe))
    });
    // A name that is not ours was given by a person, who will want the image for something.
    let ours = stale
        .flat_map(|image| image.repo_tags)
        .filter(|tag| tag.starts_with(REPOSITORY_PREFIX));
    let mut swept = Vec::new();
    for tag in ours {
        match engine
            .docker
            .remove_image(&tag, None::<RemoveImageOptions>, None)
            .await
        {
            Ok(_) => swept.push(tag),
            Err(EngineError::DockerResponseServerError {
                status_code: 404 | 409,
                ..
            }) => {}
            Err(e) => return Err(ContainerError::engine("remove an image", &e)),
        }
    }
    Ok(swept)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::image::Image;

    fn labels(owner: &Owner, boot: &str) -> HashMap<String, String> {
        HashMap::from([
            (label::OWNER.to_owned(), owner.to_string()),
            (label::BOOT.to_owned(), boot.to_owned()),
        ])
    }

    #[test]
    fn only_the_dead_of_this_machine_are_orphans() {
        let here = Boot::current();
        let alive = Owner::current();
        let dead = Owner {
            started: alive.started + 1,
            ..alive
        };
        assert!(is_orphan(&here, &labels(&dead, &here.to_string())));
        assert!(!is_orphan(&here, &labels(&alive, &here.to_string())));
        assert!(!is_orphan(&here, &labels(&dead, "other boot namespace")));
        assert!(!is_orphan(&here, &HashMap::new()));
        let unlabelled = HashMap::from([(label::OWNER.to_owned(), "1".to_owned())]);
        assert!(!is_orphan(&here, &unlabelled));
    }

    #[tokio::test]
    async fn an_image_of_an_earlier_recipe_goes_and_others_stay() {
        let Some(engine) = image::test_engine().await else {
            return;
        };
        let base = image::ensure_base(&engine).await.unwrap();
        let [earlier, other] = ["swept", "kept"].map(|name| {
            let dockerfile = format!("FROM @BASE@\nLABEL test={name}-{}\n", std::process::id());
            Image::of_test(name, &dockerfile)
        });
        for image in [&earlier, &other] {
            image::build(&engine, image, base.tag()).await.unwrap();
        }
        let swept = sweep_recipes(&engine, |recipe| recipe == earlier.recipe())
            .await
            .unwrap();
        assert_eq!(swept, [earlier.tag()]);
        assert!(!image::exists(&engine, &earlier.tag()).await.unwrap());
        assert!(image::exists(&engine, &other.tag()).await.unwrap());
        sweep_recipes(&engine, |recipe| recipe == other.recipe())
            .await
            .unwrap();
    }
}

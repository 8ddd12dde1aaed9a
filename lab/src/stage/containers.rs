//! Whether containers can be had on this machine, and what killed runs have left of them.

use std::sync::OnceLock;

use provlab_containers::{ContainerError, Engine, engine, image, sweep};

/// Looks for the engine and, the first time in a process, removes the containers that killed runs have left.
///
/// # Errors
/// The reason why there can be none, and what helps.
pub(super) fn availability() -> Result<(), String> {
    static FOUND: OnceLock<Result<(), String>> = OnceLock::new();
    FOUND
        .get_or_init(|| {
            on_engine(async |engine| {
                for swept in sweep::sweep(&engine).await? {
                    eprintln!("removed the container {} of a run that was killed", swept.name);
                }
                Ok(())
            })
        })
        .clone()
}

/// Removes the containers of killed runs and the images of older recipes; tells what was removed.
///
/// # Errors
/// If there is no engine, or it refuses.
pub fn sweep_containers() -> Result<Vec<String>, String> {
    on_engine(async |engine| {
        let containers = sweep::sweep(&engine).await?;
        let images = sweep::sweep_images(&engine).await?;
        let containers = containers.into_iter().map(|swept| {
            format!(
                "container {} ({}, started by process {})",
                swept.name, swept.kind, swept.owner
            )
        });
        Ok(containers
            .chain(images.into_iter().map(|tag| format!("image {tag}")))
            .collect())
    })
}

/// The engine and the base image, in words for `lab doctor`.
///
/// # Errors
/// The reason why there is no engine.
pub fn describe_engine() -> Result<(String, String), String> {
    on_engine(async |engine| {
        let base = image::present_base(&engine).await?;
        let base = base.map_or("not there yet; pulled or made at first use", |base| base.as_str());
        Ok((format!("{} at {}", engine.version, engine.at), base.to_owned()))
    })
}

/// Works with the engine on a runtime of its own.
fn on_engine<T>(work: impl AsyncFnOnce(Engine) -> Result<T, ContainerError>) -> Result<T, String> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("no runtime: {error}"))?
        .block_on(async {
            let engine = engine::probe().await.map_err(|error| error.to_string())?;
            Box::pin(work(engine)).await.map_err(|error| error.to_string())
        })
}

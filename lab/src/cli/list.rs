//! `lab list`, `lab lint`, `lab schema`.

use std::{
    fmt::Write as _,
    io::IsTerminal as _,
    path::{Path, PathBuf},
};

use indexmap::IndexMap;

use super::Exit;
use crate::scenario::{Catalog, Scenario, ScenarioErrors, json_schema, load_file};

/// Prints every scenario with its stages and its one sentence.
pub(super) fn list(folder: &Path, markdown: bool) -> Exit {
    let catalog = match Catalog::read(folder) {
        Ok(catalog) => catalog,
        Err(errors) => return wrong(&errors),
    };
    if markdown {
        print!("{}", table(&catalog));
        return Exit::Passed;
    }
    let width = catalog
        .scenarios
        .iter()
        .map(|scenario| scenario.id.to_string().len())
        .max()
        .unwrap_or(0);
    for scenario in &catalog.scenarios {
        let stages: Vec<&str> = scenario.stages.iter().map(|stage| stage.as_str()).collect();
        println!(
            "{:<width$}  [{}]  {}",
            scenario.id.to_string(),
            stages.join(", "),
            scenario.about
        );
    }
    Exit::Passed
}

/// The page `docs/scenarios.md`: one row a story, its variants in the last column.
fn table(catalog: &Catalog) -> String {
    let mut stories: IndexMap<&str, (&Scenario, Vec<&str>)> = IndexMap::new();
    for scenario in &catalog.scenarios {
        let story = stories.entry(&scenario.id.name).or_insert((scenario, Vec::new()));
        story.1.extend(scenario.id.variant.as_deref());
    }
    let mut text = String::from(
        "# Scenarios\n\nMade by `lab list --markdown`.\n\n\
         | scenario | what it rehearses | stages | variants |\n|---|---|---|---|\n",
    );
    for (name, (scenario, variants)) in stories {
        let stages: Vec<&str> = scenario.stages.iter().map(|stage| stage.as_str()).collect();
        let _ = writeln!(
            text,
            "| `{name}` | {} | {} | {} |",
            scenario.about,
            stages.join(", "),
            variants.join(", ")
        );
    }
    text
}

/// Checks files and says what is wrong with them.
pub(super) fn lint(folder: &Path, files: &[PathBuf]) -> Exit {
    let checked = if files.is_empty() {
        Catalog::read(folder).map(|catalog| catalog.scenarios.len())
    } else {
        let mut count = 0;
        let mut errors = Vec::new();
        for file in files {
            match load_file(file) {
                Ok(scenarios) => count += scenarios.len(),
                Err(ScenarioErrors(found)) => errors.extend(found),
            }
        }
        if errors.is_empty() {
            Ok(count)
        } else {
            Err(ScenarioErrors(errors))
        }
    };
    match checked {
        Ok(count) => {
            println!("{count} scenarios are well formed");
            Exit::Passed
        }
        Err(errors) => wrong(&errors),
    }
}

/// Prints the JSON Schema.
pub(super) fn schema() -> Exit {
    println!("{:#}", json_schema());
    Exit::Passed
}

/// Shows what is wrong with files.
pub(super) fn wrong(errors: &ScenarioErrors) -> Exit {
    let colour = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    eprint!("{}", errors.render(colour));
    Exit::Usage
}

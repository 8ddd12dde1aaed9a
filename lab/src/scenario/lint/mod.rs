//! Checks of meaning: every name is declared, every stage accounted for, every span sensible.

mod expectations;
mod known;
mod steps;
mod world;

use std::{collections::BTreeMap, sync::Arc};

use super::{Located, Scenario, ScenarioError, ScenarioErrors, ScenarioFile, StageName, did_you_mean};

/// Checks a parsed file.
pub(super) fn check(file: &ScenarioFile, scenario: &Scenario) -> Result<(), ScenarioErrors> {
    let mut lint = Lint {
        scenario,
        errors: Vec::new(),
        faults: Vec::new(),
    };
    lint.header(file);
    lint.world();
    for step in &file.steps {
        lint.step(step);
    }
    if lint.errors.is_empty() {
        Ok(())
    } else {
        Err(ScenarioErrors(lint.errors))
    }
}

struct Lint<'a> {
    scenario: &'a Scenario,
    errors: Vec<ScenarioError>,
    faults: Vec<String>,
}

impl Lint<'_> {
    fn complain<T>(&mut self, at: &Located<T>, message: String, help: Option<String>) {
        self.errors.push(ScenarioError {
            file: self.scenario.path.clone(),
            source_text: Arc::clone(&self.scenario.source),
            line: at.line,
            column: at.column,
            message,
            help,
        });
    }

    /// Complains unless `word` is one of `known`.
    fn known(&mut self, what: &str, word: &Located<String>, known: &[String]) {
        if known
            .iter()
            .any(|candidate| candidate.eq_ignore_ascii_case(&word.value))
        {
            return;
        }
        let help = match did_you_mean(&word.value, known.iter().map(String::as_str)) {
            Some(hint) => format!("did you mean `{hint}`?"),
            None if known.is_empty() => format!("the world declares no {what}"),
            None => format!("known: {}", known.join(", ")),
        };
        self.complain(word, format!("unknown {what} `{}`", word.value), Some(help));
    }

    fn header(&mut self, file: &ScenarioFile) {
        let stem = self
            .scenario
            .path
            .file_stem()
            .and_then(|stem| stem.to_str())
            .unwrap_or_default()
            .to_owned();
        if file.name.value != stem {
            let help = format!(
                "write `name: {stem}`, or rename the file to `{}.yaml`",
                file.name.value
            );
            self.complain(
                &file.name,
                format!("the name `{}` is not the file's", file.name.value),
                Some(help),
            );
        }
        for stage in StageName::ALL {
            let listed = file.stages.iter().any(|listed| listed.value == stage);
            let reason = file.not_on.contains_key(&stage);
            if listed == reason {
                let message = if listed {
                    format!("the stage `{stage}` is in `stages` and in `not-on`")
                } else {
                    format!("the stage `{stage}` is neither in `stages` nor in `not-on`")
                };
                let help = format!("add `{stage}` to `stages`, or `not-on: {{ {stage}: why }}`");
                self.complain(&file.name, message, Some(help));
            }
        }
        self.unique("variant", file.variants.iter().map(|variant| &variant.name));
    }

    fn unique<'b>(&mut self, what: &str, names: impl Iterator<Item = &'b Located<String>>) {
        let mut seen = BTreeMap::new();
        for name in names {
            if let Some(first) = seen.insert(name.value.to_lowercase(), name.line) {
                let help = format!("the first one is on line {first}");
                self.complain(
                    name,
                    format!("the {what} `{}` is declared twice", name.value),
                    Some(help),
                );
            }
        }
    }
}

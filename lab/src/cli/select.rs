//! Which scenarios a person means.

use std::path::Path;

use crate::scenario::{Catalog, Scenario, ScenarioErrors, did_you_mean, load_file};

/// Why nothing can be run.
#[derive(Debug, thiserror::Error)]
pub(super) enum SelectError {
    /// Files are wrong.
    #[error(transparent)]
    Files(#[from] ScenarioErrors),
    /// A name means nothing.
    #[error("no scenario is called `{name}`{hint}\n  help: `lab list` shows the names")]
    Unknown { name: String, hint: String },
}

/// The scenarios that `names` mean, in the catalogue's order; all of them where no name is given.
pub(super) fn select(folder: &Path, names: &[String]) -> Result<Vec<Scenario>, SelectError> {
    let (files, names): (Vec<&String>, Vec<&String>) = names
        .iter()
        .partition(|name| name.ends_with(".yaml") || name.ends_with(".yml"));
    let mut chosen = Vec::new();
    for file in &files {
        chosen.extend(load_file(Path::new(file))?);
    }
    if !names.is_empty() || files.is_empty() {
        let catalog = Catalog::read(folder)?;
        for name in &names {
            if !catalog.scenarios.iter().any(|scenario| means(name, scenario)) {
                let ids: Vec<String> = catalog
                    .scenarios
                    .iter()
                    .flat_map(|scenario| [scenario.id.name.clone(), scenario.id.to_string()])
                    .collect();
                let hint = did_you_mean(name, ids.iter().map(String::as_str))
                    .map(|hint| format!("; did you mean `{hint}`?"))
                    .unwrap_or_default();
                return Err(SelectError::Unknown {
                    name: (*name).clone(),
                    hint,
                });
            }
        }
        chosen.extend(
            catalog
                .scenarios
                .into_iter()
                .filter(|scenario| names.is_empty() || names.iter().any(|name| means(name, scenario))),
        );
    }
    Ok(chosen)
}

/// Whether a name, variant name or glob covers a scenario.
fn means(pattern: &str, scenario: &Scenario) -> bool {
    glob(pattern, &scenario.id.name) || glob(pattern, &scenario.id.to_string())
}

/// `*` stands for any run of characters, `?` for one.
fn glob(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut p, mut t, mut star) = (0, 0, None);
    while t < text.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(c) if *c == '?' || *c == text[t] => {
                p += 1;
                t += 1;
            }
            _ => match star {
                Some((at, from)) => {
                    p = at + 1;
                    t = from + 1;
                    star = Some((at, from + 1));
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs_cover_what_people_expect() {
        for (pattern, text, covers) in [
            ("fresh-install", "fresh-install", true),
            ("fresh*", "fresh-install", true),
            ("*install*", "admin-password-expires-mid-install/expired", true),
            ("*/expired", "admin-password-expires-mid-install/expired", true),
            ("us-?overnment", "us-government", true),
            ("fresh", "fresh-install", false),
            ("*x", "fresh-install", false),
            ("", "fresh-install", false),
            ("*", "", true),
        ] {
            assert_eq!(glob(pattern, text), covers, "{pattern} on {text}");
        }
    }
}

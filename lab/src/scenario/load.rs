//! From a file on disk to a checked [`Scenario`].

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
};

use serde::de::DeserializeOwned;

use super::{
    Fixture, Located, ScenarioError, ScenarioErrors, ScenarioFile, StageName, Step, Variant, WorldFile,
    conceal::concealed, did_you_mean, lint,
};

/// The largest scenario or fixture file.
pub const MAX_FILE_BYTES: u64 = 4 * 1024 * 1024;
/// How deep a file may nest.
pub const MAX_NESTING: usize = 64;
/// How many YAML nodes a file may have.
pub const MAX_NODES: usize = 100_000;
/// How many fixtures a scenario may include.
pub const MAX_INCLUDES: usize = 32;

/// Name of a run: a scenario, and the variant of it where it has any.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ScenarioId {
    /// The scenario's name.
    pub name: String,
    /// The variant's name.
    pub variant: Option<String>,
}

impl fmt::Display for ScenarioId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.variant {
            Some(variant) => write!(f, "{}/{variant}", self.name),
            None => f.write_str(&self.name),
        }
    }
}

/// A scenario that has been read and checked: every name in it is known.
#[derive(Debug, Clone)]
pub struct Scenario {
    /// Its name.
    pub id: ScenarioId,
    /// One sentence.
    pub about: String,
    /// The file.
    pub path: PathBuf,
    /// The file's text, with the variant's values in place and every password hidden.
    pub source: Arc<str>,
    /// The stages it runs on.
    pub stages: Vec<StageName>,
    /// Why it leaves out the others.
    pub not_on: indexmap::IndexMap<StageName, String>,
    /// Seed of simulated runs.
    pub seed: u64,
    /// Fixtures and the scenario's own world together.
    pub world: WorldFile,
    /// What happens.
    pub steps: Vec<Located<Step>>,
}

impl Scenario {
    /// A story told in code: a world and steps that come from no file. It runs on `sim` and `live`.
    pub fn in_code(name: &str, world: WorldFile, steps: Vec<Step>) -> Self {
        Self {
            id: ScenarioId {
                name: name.to_owned(),
                variant: None,
            },
            about: String::new(),
            path: PathBuf::new(),
            source: "".into(),
            stages: vec![StageName::Sim, StageName::Live],
            not_on: indexmap::IndexMap::new(),
            seed: 1,
            world,
            steps: steps.into_iter().map(Located::unplaced).collect(),
        }
    }
}

/// The scenarios of a folder, by name.
#[derive(Debug, Clone, Default)]
pub struct Catalog {
    /// Every run, in the order of names and of variants in their files.
    pub scenarios: Vec<Scenario>,
}

impl Catalog {
    /// Reads every `*.yaml` directly in `folder`.
    ///
    /// # Errors
    /// Everything that is wrong with any of the files.
    pub fn read(folder: &Path) -> Result<Self, ScenarioErrors> {
        let mut paths: Vec<PathBuf> = std::fs::read_dir(folder)
            .map_err(|error| unreadable(folder, &error))?
            .filter_map(|entry| entry.ok().map(|entry| entry.path()))
            .filter(|path| path.extension().is_some_and(|extension| extension == "yaml"))
            .collect();
        paths.sort();
        let mut scenarios = Vec::new();
        let mut errors = Vec::new();
        for path in paths {
            match load_file(&path) {
                Ok(found) => scenarios.extend(found),
                Err(ScenarioErrors(found)) => errors.extend(found),
            }
        }
        if errors.is_empty() {
            Ok(Self { scenarios })
        } else {
            Err(ScenarioErrors(errors))
        }
    }
}

/// Reads one file; a file with variants gives one scenario for each.
///
/// # Errors
/// Everything that is wrong with the file or a fixture it includes.
pub fn load_file(path: &Path) -> Result<Vec<Scenario>, ScenarioErrors> {
    let text = read_bounded(path)?;
    let header: Header = parse(path, &text)?;
    let mut scenarios = Vec::new();
    if header.variants.is_empty() {
        scenarios.push(load_variant(path, &text, None)?);
    }
    for variant in &header.variants {
        scenarios.push(load_variant(path, &text, Some(variant))?);
    }
    Ok(scenarios)
}

/// Only what has to be known before the variants' values are in place.
#[derive(serde::Deserialize)]
struct Header {
    #[serde(default)]
    variants: Vec<Variant>,
}

fn load_variant(path: &Path, text: &str, variant: Option<&Variant>) -> Result<Scenario, ScenarioErrors> {
    let source: Arc<str> = match variant {
        Some(variant) => fill_in(path, text, variant)?.into(),
        None => text.into(),
    };
    let file: ScenarioFile = parse(path, &source)?;
    let source: Arc<str> = concealed(&source).into();
    let complain = |place: &Located<String>, message: String, help: &str| {
        ScenarioErrors(vec![ScenarioError {
            file: path.into(),
            source_text: Arc::clone(&source),
            line: place.line,
            column: place.column,
            message,
            help: Some(help.into()),
        }])
    };
    if let Some(excess) = file.include.get(MAX_INCLUDES) {
        let message = format!("more than {MAX_INCLUDES} fixtures are included");
        return Err(complain(
            excess,
            message,
            "put what belongs together into one fixture",
        ));
    }
    let mut world = WorldFile::default();
    for include in &file.include {
        let fixture = path.parent().unwrap_or(Path::new(".")).join(&include.value);
        if !fixture.is_file() {
            let message = format!("there is no fixture `{}`", include.value);
            return Err(complain(
                include,
                message,
                "the path is relative to the scenario's own folder",
            ));
        }
        let text = read_bounded(&fixture)?;
        world.merge(parse::<Fixture>(&fixture, &text)?.world);
    }
    world.merge(file.world.clone());
    let scenario = Scenario {
        id: ScenarioId {
            name: file.name.value.clone(),
            variant: variant.map(|v| v.name.value.clone()),
        },
        about: file.about.clone(),
        path: path.into(),
        source,
        stages: file.stages.iter().map(|stage| stage.value).collect(),
        not_on: file.not_on.clone(),
        seed: file.seed.unwrap_or(1),
        world,
        steps: file.steps.clone(),
    };
    lint::check(&file, &scenario)?;
    Ok(scenario)
}

/// Replaces every `${word}`; an unknown word is an error at its place.
fn fill_in(path: &Path, text: &str, variant: &Variant) -> Result<String, ScenarioErrors> {
    let mut filled = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find("${") {
        filled.push_str(&rest[..start]);
        let after = &rest[start + 2..];
        let known = after
            .find('}')
            .and_then(|end| Some((end, variant.values.get(&after[..end])?)));
        let Some((end, value)) = known else {
            let word = after.split(['}', '\n']).next().unwrap_or_default();
            let at = text.len() - rest.len() + start;
            let before = &text[..at];
            let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
            let hint = did_you_mean(word, variant.values.keys().map(String::as_str));
            return Err(ScenarioErrors(vec![ScenarioError {
                file: path.into(),
                source_text: concealed(text).into(),
                line: 1 + before.matches('\n').count() as u64,
                column: 1 + before[line_start..].chars().count() as u64,
                message: format!("variant `{}` has no value for `{word}`", variant.name.value),
                help: Some(match hint {
                    Some(hint) => format!("did you mean `${{{hint}}}`?"),
                    None => "add it to the variant's `values`".into(),
                }),
            }]));
        };
        filled.push_str(value);
        rest = &after[end + 1..];
    }
    filled.push_str(rest);
    Ok(filled)
}

fn unreadable(path: &Path, error: &std::io::Error) -> ScenarioErrors {
    ScenarioErrors(vec![ScenarioError {
        file: path.into(),
        source_text: "".into(),
        line: 0,
        column: 0,
        message: format!("cannot be read: {error}"),
        help: Some("name an existing, readable file or folder".into()),
    }])
}

fn read_bounded(path: &Path) -> Result<String, ScenarioErrors> {
    let size = std::fs::metadata(path)
        .map_err(|error| unreadable(path, &error))?
        .len();
    if size > MAX_FILE_BYTES {
        return Err(ScenarioErrors(vec![ScenarioError {
            file: path.into(),
            source_text: "".into(),
            line: 1,
            column: 1,
            message: format!("the file has {size} bytes; at most {MAX_FILE_BYTES} are read"),
            help: Some(
                "split the story, or generate people with `population` instead of listing them".into(),
            ),
        }]));
    }
    std::fs::read_to_string(path).map_err(|error| unreadable(path, &error))
}

fn parse<T: DeserializeOwned>(path: &Path, text: &str) -> Result<T, ScenarioErrors> {
    let options = serde_saphyr::options! {
        with_snippet: false,
        budget: serde_saphyr::budget! {
            max_depth: MAX_NESTING,
            flow_nesting_limit: MAX_NESTING,
            max_nodes: MAX_NODES,
            max_aliases: 0,
            max_documents: 1,
        },
    };
    serde_saphyr::from_str_with_options(text, options).map_err(|error| explain(path, text, &error))
}

/// Turns the parser's error into one with a suggestion.
fn explain(path: &Path, text: &str, error: &serde_saphyr::Error) -> ScenarioErrors {
    use serde_saphyr::Error;
    let among = |word: &str, known: &[&'static str]| match did_you_mean(word, known.iter().copied()) {
        Some(hint) => format!("did you mean `{hint}`?"),
        None => format!("known here: {}", known.join(", ")),
    };
    let (message, help) = match error {
        Error::SerdeUnknownVariant {
            variant, expected, ..
        } => (format!("unknown word `{variant}`"), among(variant, expected)),
        Error::SerdeUnknownField { field, expected, .. } => {
            (format!("unknown key `{field}`"), among(field, expected))
        }
        Error::SerdeMissingField { field, .. } => (
            format!("the key `{field}` is missing"),
            format!("add `{field}: …`"),
        ),
        Error::DuplicateMappingKey { key, .. } => (
            format!(
                "the key `{}` stands twice in the same map",
                key.as_deref().unwrap_or("?")
            ),
            "keep one of them; a list of several things is written with `- `".into(),
        ),
        Error::Message { msg, .. } => (msg.clone(), "`lab schema` prints what can stand here".into()),
        Error::Budget { .. } => too_deep(),
        // The scanner has a limit of its own, which it tells in words only.
        other if other.to_string().contains("recursion limit") => too_deep(),
        other => (
            other.to_string(),
            "`lab schema` prints what can stand here".into(),
        ),
    };
    let (line, column) = error
        .location()
        .map_or((1, 1), |at| (at.line().max(1), at.column().max(1)));
    ScenarioErrors(vec![ScenarioError {
        file: path.into(),
        source_text: concealed(text).into(),
        line,
        column,
        message,
        help: Some(help),
    }])
}

fn too_deep() -> (String, String) {
    (
        format!(
            "the file is larger or deeper than a scenario may be ({MAX_NESTING} levels, {MAX_NODES} nodes)"
        ),
        "flatten it; anchors and aliases are not used in scenarios, fixtures are (`include`)".into(),
    )
}

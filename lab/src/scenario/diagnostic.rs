//! Complaints about a scenario file: where, what, and how to mend it.

use std::{fmt, path::PathBuf, sync::Arc};

use miette::{Diagnostic, LabeledSpan, NamedSource, SourceCode, SourceSpan};

/// One complaint. Displays as `file:line:column: what`, and renders with the line under it through miette.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{}:{line}:{column}: {message}", file.display())]
pub struct ScenarioError {
    /// The file.
    pub file: PathBuf,
    /// Its text as it was parsed.
    pub source_text: Arc<str>,
    /// Line, from 1.
    pub line: u64,
    /// Column, from 1.
    pub column: u64,
    /// What is wrong.
    pub message: String,
    /// How to mend it.
    pub help: Option<String>,
}

impl ScenarioError {
    fn span(&self) -> SourceSpan {
        let line = usize::try_from(self.line.saturating_sub(1)).unwrap_or(0);
        let start: usize = self
            .source_text
            .split_inclusive('\n')
            .take(line)
            .map(str::len)
            .sum();
        let rest = self.source_text.get(start..).unwrap_or_default();
        let column = usize::try_from(self.column.saturating_sub(1)).unwrap_or(0);
        let text = rest.split('\n').next().unwrap_or_default();
        let offset = text.char_indices().nth(column).map_or(text.len(), |(at, _)| at);
        let length = text[offset..]
            .split([' ', ':', ',', '}'])
            .next()
            .map_or(1, |word| word.len().max(1));
        (
            start + offset,
            length.min(self.source_text.len().saturating_sub(start + offset)),
        )
            .into()
    }
}

/// The longest line that is shown under a complaint; longer ones would hide it.
const MAX_SHOWN_LINE: usize = 400;

impl Diagnostic for ScenarioError {
    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.help
            .as_ref()
            .map(|help| Box::new(help) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        None
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        None
    }
}

/// The same complaint with its source attached, for rendering.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
struct Shown {
    message: String,
    help: Option<String>,
    code: NamedSource<Arc<str>>,
    span: SourceSpan,
}

impl Diagnostic for Shown {
    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.help
            .as_ref()
            .map(|help| Box::new(help) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        Some(&self.code)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        Some(Box::new(std::iter::once(LabeledSpan::underline(self.span))))
    }
}

/// Everything that is wrong with one or more files.
#[derive(Debug, Clone, thiserror::Error)]
pub struct ScenarioErrors(pub Vec<ScenarioError>);

impl fmt::Display for ScenarioErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, error) in self.0.iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            write!(f, "{error}")?;
            if let Some(help) = &error.help {
                write!(f, "\n  help: {help}")?;
            }
        }
        Ok(())
    }
}

impl ScenarioErrors {
    /// Text for a terminal: every complaint with the line it is about.
    pub fn render(&self, colour: bool) -> String {
        let theme = if colour {
            miette::GraphicalTheme::unicode()
        } else {
            miette::GraphicalTheme::unicode_nocolor()
        };
        let handler = miette::GraphicalReportHandler::new_themed(theme).with_width(110);
        let mut text = String::new();
        for error in &self.0 {
            let longest = error.source_text.lines().map(str::len).max().unwrap_or(0);
            let rendered = if longest > MAX_SHOWN_LINE || error.line == 0 {
                None
            } else {
                let shown = Shown {
                    message: error.message.clone(),
                    help: error.help.clone(),
                    code: NamedSource::new(error.file.display().to_string(), Arc::clone(&error.source_text)),
                    span: error.span(),
                };
                let mut one = String::new();
                handler.render_report(&mut one, &shown).ok().map(|()| one)
            };
            text.push_str(&rendered.unwrap_or_else(|| format!("{}\n", Self(vec![error.clone()]))));
        }
        text
    }
}

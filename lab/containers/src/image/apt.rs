//! Which mirror of Debian this machine itself uses, read from its apt sources (sources.list(5), both formats).

use std::collections::BTreeMap;

/// The suites that only Debian's own archive has.
const SUITES: [&str; 10] = [
    "bullseye",
    "bookworm",
    "trixie",
    "forky",
    "sid",
    "oldoldstable",
    "oldstable",
    "stable",
    "testing",
    "unstable",
];

/// The suffix of suites that the same mirror also carries.
const UPDATES: &str = "-updates";

/// The component that makes up Debian itself.
const COMPONENT: &str = "main";

#[derive(Debug, Default)]
struct Source {
    uris: Vec<String>,
    suites: Vec<String>,
    components: Vec<String>,
}

/// The best mirror among `sources`, each the name of a file and its text.
///
/// An entry counts if it has the component `main` of one of Debian's suites; hosts and paths that name Debian go first.
/// Security archives and other vendors' do not count.
pub(super) fn mirror<'a>(sources: impl IntoIterator<Item = (&'a str, &'a str)>) -> Option<String> {
    let mut uris: Vec<String> = sources
        .into_iter()
        .flat_map(|(name, text)| match name.ends_with(".sources") {
            true => deb822(text),
            false => one_line(text),
        })
        .filter(Source::is_debian)
        .flat_map(|source| source.uris)
        .filter(|uri| uri.starts_with("http://") || uri.starts_with("https://"))
        .collect();
    // Stable: of two that are as good, the first stays first.
    uris.sort_by_key(|uri| std::cmp::Reverse(merit(uri)));
    uris.into_iter().next()
}

impl Source {
    fn is_debian(&self) -> bool {
        let of_debian = |suite: &String| SUITES.contains(&suite.strip_suffix(UPDATES).unwrap_or(suite));
        self.components.iter().any(|component| component == COMPONENT) && self.suites.iter().any(of_debian)
    }
}

fn merit(uri: &str) -> u8 {
    let path_names_it = uri.trim_end_matches('/').ends_with("/debian");
    let host_names_it = uri.split('/').nth(2).is_some_and(|host| host.contains("debian"));
    u8::from(path_names_it) * 2 + u8::from(host_names_it)
}

/// `deb [ option=value … ] uri suite component …`
fn one_line(text: &str) -> Vec<Source> {
    let entry = |line: &str| {
        let line = line.split('#').next()?.trim();
        let rest = line.strip_prefix("deb")?;
        let rest = rest.strip_prefix([' ', '\t'])?.trim_start();
        let rest = match rest.strip_prefix('[') {
            Some(options) => options.split_once(']')?.1,
            None => rest,
        };
        let mut words = rest.split_ascii_whitespace().map(str::to_owned);
        Some(Source {
            uris: vec![words.next()?],
            suites: vec![words.next()?],
            components: words.collect(),
        })
    };
    text.lines().filter_map(entry).collect()
}

/// Paragraphs of `Field: value`, continued on lines that begin with a blank.
fn deb822(text: &str) -> Vec<Source> {
    let mut sources = Vec::new();
    let mut fields: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut field = String::new();
    for line in text.lines().chain([""]) {
        if line.starts_with('#') {
            continue;
        }
        if line.trim().is_empty() {
            sources.extend(paragraph(&std::mem::take(&mut fields)));
            continue;
        }
        let value = match line.split_once(':') {
            Some((name, value)) if !line.starts_with([' ', '\t']) => {
                field = name.trim().to_ascii_lowercase();
                value
            }
            _ => line,
        };
        let words = value.split_ascii_whitespace().map(str::to_owned);
        fields.entry(field.clone()).or_default().extend(words);
    }
    sources
}

fn paragraph(fields: &BTreeMap<String, Vec<String>>) -> Option<Source> {
    let of = |name: &str| fields.get(name).cloned().unwrap_or_default();
    let disabled = of("enabled").iter().any(|word| word.eq_ignore_ascii_case("no"));
    let binary = of("types").iter().any(|word| word == "deb");
    (binary && !disabled).then(|| Source {
        uris: of("uris"),
        suites: of("suites"),
        components: of("components"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const DEB822: &str = "Types: deb\n# a comment\nURIs: https://security.example/debian-security\nSuites: bookworm-security\n\
        Components: main\n\nTypes: deb deb-src\nURIs: http://mirror.example/debian\nSuites: bookworm\n bookworm-updates\n\
        Components: main contrib\nSigned-By:\n -----BEGIN PGP\n key: x\n";

    #[test]
    fn the_entry_that_serves_debian_is_taken() {
        assert_eq!(
            mirror([("debian.sources", DEB822)]).as_deref(),
            Some("http://mirror.example/debian")
        );
        let list = "# deb http://commented.example/debian trixie main\n\
            deb-src http://source.example/debian trixie main\n\
            deb [arch=amd64 signed-by=/k] https://vendor.example/apt cloud-sdk-bookworm main\n\
            deb https://vendor.example/linux/debian bookworm stable\n\
            deb http://security.example/debian-security trixie-security main\n\
            deb\t[ arch=amd64 ] http://mirror.example/some/debian/ trixie main non-free\n";
        let found = mirror([("sources.list", list)]);
        assert_eq!(found.as_deref(), Some("http://mirror.example/some/debian/"));
    }

    #[test]
    fn a_path_that_names_debian_goes_before_one_that_does_not() {
        let list =
            "deb http://vendor.example/apt stable main\ndeb http://mirror.example/debian stable main\n";
        assert_eq!(
            mirror([("a.list", list)]).as_deref(),
            Some("http://mirror.example/debian")
        );
    }

    #[test]
    fn a_machine_without_debian_has_no_mirror() {
        let ubuntu =
            "deb http://archive.example/ubuntu noble main universe\ndeb cdrom:[Debian]/ trixie main\n";
        assert_eq!(mirror([("sources.list", ubuntu)]), None);
        assert_eq!(
            mirror([(
                "debian.sources",
                "Enabled: no\nTypes: deb\nURIs: http://x/debian\nSuites: sid\nComponents: main"
            )]),
            None
        );
    }

    proptest! {
        #[test]
        fn any_text_is_survived(text in "(?s).{0,300}") {
            let found = mirror([("a.sources", text.as_str()), ("a.list", text.as_str())]);
            prop_assert!(found.is_none_or(|uri| uri.starts_with("http")));
        }
    }
}

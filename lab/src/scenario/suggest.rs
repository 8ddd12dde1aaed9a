//! "Did you mean …?" for words that are almost right.

/// The most edits a suggestion may be away, as a share of the word's length.
const MAX_DISTANCE: f64 = 0.4;

/// The known word nearest to `word`, if one is near enough to be worth saying.
///
/// ```
/// assert_eq!(provlab::scenario::did_you_mean("instal", ["install", "advance"]), Some("install"));
/// assert_eq!(provlab::scenario::did_you_mean("zebra", ["install", "advance"]), None);
/// ```
pub fn did_you_mean<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let folded = word.to_lowercase().replace('_', "-");
    known
        .into_iter()
        .map(|candidate| {
            (
                strsim::normalized_damerau_levenshtein(&folded, &candidate.to_lowercase()),
                candidate,
            )
        })
        .filter(|(likeness, _)| *likeness >= 1.0 - MAX_DISTANCE)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}

//! Passwords of a scenario file are read, never shown: not under a complaint, not in a report.

/// The key whose values are secrets.
const KEY: &str = "password";

/// Keys that are this close to it are taken for misspellings of it.
const MAX_DISTANCE: usize = 2;

/// The text with a `*` for every character of every password. Lines and columns stay what they were.
///
/// It is done on the text because it must hold for files that cannot be parsed, whose lines are shown all the same.
/// In doubt it hides too much.
pub(super) fn concealed(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(colon) = rest.find(':') {
        let (before, after) = rest.split_at(colon + 1);
        shown.push_str(before);
        rest = after;
        if !is_secret_key(&before[..colon]) {
            continue;
        }
        let value = after.trim_start_matches(' ');
        shown.push_str(&after[..after.len() - value.len()]);
        let line = shown.rsplit('\n').next().unwrap_or_default();
        let (secret, behind) = value.split_at(length_of(value, line));
        shown.extend(secret.chars().map(|char| if char == '\n' { char } else { '*' }));
        rest = behind;
    }
    shown.push_str(rest);
    shown
}

/// Whether the last word of the text before a colon names a secret. `change-password` is a step.
fn is_secret_key(before: &str) -> bool {
    let before = before.trim_end_matches(['"', '\'', ' ']);
    let is_part = |char: char| char.is_alphanumeric() || matches!(char, '-' | '_');
    let word = before.rsplit(|char| !is_part(char)).next().unwrap_or_default();
    // The longer ones are no misspellings, and need no measuring.
    word.len() <= KEY.len() + MAX_DISTANCE && strsim::osa_distance(&word.to_lowercase(), KEY) <= MAX_DISTANCE
}

/// How long a value is that stands after `line`, the beginning of its line.
fn length_of(value: &str, line: &str) -> usize {
    let first = value.chars().next().unwrap_or('\n');
    if matches!(first, '\'' | '"') {
        return value[1..].find(first).map_or(value.len(), |end| {
            // A doubled or escaped quote goes on; what follows it is hidden up to the end of the line.
            let end = end + 2;
            let goes_on = value[end..].starts_with(first) || value[..end - 1].ends_with('\\');
            if goes_on { end_of_line(value).max(end) } else { end }
        });
    }
    if matches!(first, '|' | '>' | '\n' | '\r' | '[' | '{' | '!' | '&' | '#') {
        // It goes on below, as far as lines stand further in than the key.
        let indent = |line: &str| line.len() - line.trim_start_matches([' ', '-']).len();
        let mut end = end_of_line(value);
        for below in value[end..].split_inclusive('\n') {
            if !below.trim().is_empty() && indent(below) <= indent(line) {
                break;
            }
            end += below.len();
        }
        return end;
    }
    let end = end_of_line(value);
    let in_braces = line.contains('{');
    value[..end].find([',', '}']).filter(|_| in_braces).unwrap_or(end)
}

fn end_of_line(text: &str) -> usize {
    text.find('\n').map_or(text.len(), |end| end + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_of_every_form_are_hidden_and_nothing_moves() {
        for (text, hidden) in [
            ("password: abc\nname: x", "password: ***\nname: x"),
            ("password: 'a: b'\nname: x", "password: ******\nname: x"),
            ("\"password\": \"abc\", name: x", "\"password\": *****, name: x"),
            (
                "{ name: x, password: abc, roles: [] }",
                "{ name: x, password: ***, roles: [] }",
            ),
            ("{ password: 'a}b' }", "{ password: ***** }"),
            (
                "- password: |\n    ab\n    c\n- name: x",
                "- password: *\n******\n*****\n- name: x",
            ),
            ("password:\n  abc\nname: x", "password:\n*****\nname: x"),
            ("password: 'it''s'\nname: x", "password: *******\nname: x"),
            (
                "- expire-password: { account: x }",
                "- expire-password: { account: x }",
            ),
            ("password", "password"),
            ("password: ", "password: "),
            ("passwort: abc", "passwort: ***"),
            ("Passwrd : abc", "Passwrd : ***"),
            ("password: 'open", "password: *****"),
        ] {
            assert_eq!(concealed(text), hidden);
        }
    }

    #[test]
    fn lines_and_columns_stay() {
        let text = "a:\n  password: 'ü€'  # x\n  b: 1\n";
        let shown = concealed(text);
        let widths = |text: &str| text.lines().map(|line| line.chars().count()).collect::<Vec<_>>();
        assert_eq!(widths(&shown), widths(text));
    }
}

//! The rule "password must meet complexity requirements" as Windows applies it.

/// Shortest part of a display name that counts.
const MIN_TOKEN: usize = 3;
/// Categories that have to be present, of five.
const MIN_CATEGORIES: usize = 3;

/// Whether a password is complex: three of the five kinds of characters, and nothing of the account's names.
pub(super) fn is_complex(password: &str, sam_account_name: &str, display_name: &str) -> bool {
    categories(password) >= MIN_CATEGORIES && !reveals(password, sam_account_name, display_name)
}

/// How many of the five kinds are there: upper case, lower case, digits, others, letters without case.
fn categories(password: &str) -> usize {
    let kinds: [fn(char) -> bool; 5] = [
        char::is_uppercase,
        char::is_lowercase,
        |c| c.is_ascii_digit(),
        |c| !c.is_alphanumeric(),
        |c| c.is_alphabetic() && !c.is_uppercase() && !c.is_lowercase(),
    ];
    kinds.iter().filter(|kind| password.chars().any(**kind)).count()
}

fn reveals(password: &str, sam_account_name: &str, display_name: &str) -> bool {
    let password = password.to_lowercase();
    let contains = |part: &str| part.chars().count() >= MIN_TOKEN && password.contains(&part.to_lowercase());
    contains(sam_account_name)
        || display_name
            .split([',', '.', '-', '_', ' ', '#', '\t'])
            .any(contains)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_of_five_kinds() {
        for (password, complex) in [
            ("Passw0rd", true),
            ("passw0rd", false),
            ("passw0rd!", true),
            ("PASSWORD!", false),
            ("pässwörd1", false),
            ("密码pass1", true),
            ("", false),
        ] {
            assert_eq!(is_complex(password, "", ""), complex, "{password}");
        }
    }

    #[test]
    fn names_are_not_passwords() {
        for (password, complex) in [
            ("Alice-2026", false),
            ("x1aLICE!", false),
            ("Smithers-1", false),
            ("Jo-pass-77", true),
            ("Wonder-2026", true),
        ] {
            assert_eq!(is_complex(password, "alice", "Jo Smith"), complex, "{password}");
        }
    }
}

//! Letters without their accents (CS 5.12; the general reference lists what becomes of which letter).

use unicode_normalization::UnicodeNormalization;

/// Letters that are more than a base letter with a mark.
const LETTERS: [(char, &str); 11] = [
    ('æ', "ae"),
    ('Æ', "AE"),
    ('ı', "i"),
    ('ł', "l"),
    ('Ł', "L"),
    ('ø', "oe"),
    ('Ø', "OE"),
    ('œ', "oe"),
    ('Œ', "OE"),
    ('ß', "ss"),
    ('ẞ', "SS"),
];

/// The text without diacritics. Marks of other kinds, such as the vowel signs of Indic scripts, stay (inferred).
pub(super) fn normalize(text: &str) -> String {
    let mut bare = String::with_capacity(text.len());
    for sign in text.nfd().filter(|sign| !is_diacritic(*sign)) {
        match LETTERS.iter().find(|(letter, _)| *letter == sign) {
            Some((_, replacement)) => bare.push_str(replacement),
            None => bare.push(sign),
        }
    }
    bare.nfc().collect()
}

/// The blocks of combining diacritical marks.
fn is_diacritic(sign: char) -> bool {
    matches!(sign,
        '\u{0300}'..='\u{036F}'
        | '\u{1AB0}'..='\u{1AFF}'
        | '\u{1DC0}'..='\u{1DFF}'
        | '\u{20D0}'..='\u{20FF}'
        | '\u{FE20}'..='\u{FE2F}')
}

//! A change sequence number orders the changes of all providers of a directory, as text such as
//! `20261123054523.363831Z#000000#000#000000`: time, count within the microsecond, provider, modification.

use std::fmt;

/// Digits of the time: seconds and microseconds.
const TIME: usize = 20;
/// Length of the text.
const TEXT: usize = 40;
/// Bits of count, provider and modification, below those of the time.
const COUNT_BITS: u32 = 24;
const PROVIDER_BITS: u32 = 12;
const MODIFICATION_BITS: u32 = 24;
/// What stands between the cookie's parts, and before its numbers.
const COOKIE_NUMBERS: &str = "csn=";

/// A change sequence number, packed; its order is that of `csnOrderingMatch`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Csn(u128);

impl Csn {
    /// Bytes of the packed form.
    pub(super) const BYTES: usize = 16;

    /// Reads the text form; none if it has another shape.
    pub(super) fn parse(text: &str) -> Option<Self> {
        if text.len() != TEXT || !text.is_ascii() {
            return None;
        }
        let (time, numbers) = text.split_once('Z')?;
        let (seconds, micros) = time.split_once('.')?;
        let mut digits = 0u128;
        for digit in seconds.chars().chain(micros.chars()) {
            digits = digits * 10 + u128::from(digit.to_digit(10)?);
        }
        if seconds.len() + micros.len() != TIME || seconds.len() != TIME - 6 {
            return None;
        }
        let mut packed = digits;
        let mut numbers = numbers.strip_prefix('#')?.split('#');
        for bits in [COUNT_BITS, PROVIDER_BITS, MODIFICATION_BITS] {
            let number = numbers.next()?;
            if number.len() * 4 != usize::try_from(bits).ok()? {
                return None;
            }
            packed = packed << bits | u128::from_str_radix(number, 16).ok()?;
        }
        numbers.next().is_none().then_some(Self(packed))
    }

    /// The lowest number of a synchronization cookie (`rid=000,csn=…;…`): nothing that the cookie lacks is older.
    pub(super) fn lowest_of(cookie: &[u8]) -> Option<Self> {
        let cookie = std::str::from_utf8(cookie).ok()?;
        let numbers = cookie
            .split(',')
            .find_map(|part| part.strip_prefix(COOKIE_NUMBERS))?;
        let mut lowest = None;
        for number in numbers.split(';') {
            let number = Self::parse(number)?;
            lowest = Some(lowest.map_or(number, |known: Self| known.min(number)));
        }
        lowest
    }

    /// The one that comes next.
    pub(super) const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    pub(super) const fn to_bytes(self) -> [u8; Self::BYTES] {
        self.0.to_be_bytes()
    }

    pub(super) const fn from_bytes(bytes: [u8; Self::BYTES]) -> Self {
        Self(u128::from_be_bytes(bytes))
    }
}

impl fmt::Display for Csn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let low = |shift: u32, bits: u32| (self.0 >> shift) & ((1 << bits) - 1);
        let time = format!(
            "{:020}",
            self.0 >> (COUNT_BITS + PROVIDER_BITS + MODIFICATION_BITS)
        );
        let (seconds, micros) = time.split_at(TIME - 6);
        write!(
            f,
            "{seconds}.{micros}Z#{:06x}#{:03x}#{:06x}",
            low(PROVIDER_BITS + MODIFICATION_BITS, COUNT_BITS),
            low(MODIFICATION_BITS, PROVIDER_BITS),
            low(0, MODIFICATION_BITS)
        )
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TEXTS: [&str; 4] = [
        "20261123054523.363831Z#000000#000#000000",
        "20261123054523.363831Z#000000#00a#000001",
        "20261123054523.363831Z#000001#000#000000",
        "20261123054523.363832Z#000000#000#000000",
    ];

    #[test]
    fn numbers_keep_their_text_and_their_order() {
        let numbers = TEXTS.map(|text| Csn::parse(text).unwrap());
        assert_eq!(numbers.map(|number| number.to_string()), TEXTS);
        assert!(numbers.is_sorted());
        assert_eq!(
            numbers[0].next().to_string(),
            "20261123054523.363831Z#000000#000#000001"
        );
        assert_eq!(Csn::from_bytes(numbers[1].to_bytes()), numbers[1]);
    }

    #[test]
    fn the_lowest_number_of_a_cookie_is_found() {
        let cookie = format!("rid=001,sid=00a,csn={};{}", TEXTS[3], TEXTS[1]);
        assert_eq!(Csn::lowest_of(cookie.as_bytes()).unwrap().to_string(), TEXTS[1]);
        for none in ["", "rid=000", "csn=", "csn=20261123054523Z", "rid=000,csn=x;y"] {
            assert_eq!(Csn::lowest_of(none.as_bytes()), None, "{none}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_survived(text in ".{0,60}") {
            let _ = Csn::parse(&text);
            let _ = Csn::lowest_of(text.as_bytes());
        }

        #[test]
        fn what_is_written_is_read(time in 0u64..99_999_999_999_999, micros in 0u32..1_000_000, rest in 0u64..(1 << 60)) {
            let number = Csn((u128::from(time) * 1_000_000 + u128::from(micros)) << 60 | u128::from(rest));
            prop_assert_eq!(Csn::parse(&number.to_string()), Some(number));
        }
    }
}

//! Names are compared, moved and printed everywhere, and string handling of them goes wrong at the first comma.

mod escape;
mod parse;

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

use crate::guid::Guid;
pub use parse::DnError;

/// Longest text of a distinguished name that is parsed, in bytes.
pub const MAX_DN_BYTES: usize = 8192;
/// Most components that a distinguished name can have.
pub const MAX_RDNS: usize = 128;
/// Longest DNS name, in bytes (RFC 1035).
pub const MAX_DNS_NAME_BYTES: usize = 253;

/// One component of a name, such as `CN=Alice`. Compares without regard to case, as AD does.
#[derive(Clone)]
pub struct Rdn {
    attribute: String,
    value: String,
}

/// A distinguished name, nearest component first. Compares without regard to case, as AD does.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Dn {
    rdns: Vec<Rdn>,
}

/// How AD renames an object that has lost its name (PR 15.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mangling {
    /// `<name>\0ADEL:<guid>`: deleted.
    Deleted,
    /// `<name>\0ACNF:<guid>`: two domain controllers created the same name.
    Conflict,
}

impl Mangling {
    const ALL: [Mangling; 2] = [Mangling::Deleted, Mangling::Conflict];

    /// What stands between the name and the GUID; it begins with a line feed.
    const fn infix(self) -> &'static str {
        match self {
            Mangling::Deleted => "\nDEL:",
            Mangling::Conflict => "\nCNF:",
        }
    }
}

impl Rdn {
    /// A component with an unescaped value.
    ///
    /// # Errors
    /// The attribute is no attribute name, or the value is empty or holds a NUL.
    pub fn new(attribute: &str, value: &str) -> Result<Self, DnError> {
        parse::check_attribute(attribute)?;
        parse::check_value(attribute, value)?;
        Ok(Rdn {
            attribute: attribute.to_owned(),
            value: value.to_owned(),
        })
    }

    /// The attribute as written, such as `CN`.
    pub fn attribute(&self) -> &str {
        &self.attribute
    }

    /// The value without escapes.
    pub fn value(&self) -> &str {
        &self.value
    }

    /// The component under its mangled name.
    #[must_use]
    pub fn mangled(&self, how: Mangling, guid: Guid) -> Rdn {
        Rdn {
            attribute: self.attribute.clone(),
            value: format!("{}{}{guid}", self.value, how.infix()),
        }
    }

    /// How and with which GUID the name is mangled, if it is.
    pub fn mangling(&self) -> Option<(Mangling, Guid)> {
        Mangling::ALL.into_iter().find_map(|how| {
            let (_, guid) = self.value.rsplit_once(how.infix())?;
            Some((how, guid.parse().ok()?))
        })
    }

    /// The components' folded characters: what comparisons and keys are made of.
    fn folded(&self) -> impl Iterator<Item = char> {
        let attribute = self.attribute.chars().map(|c| c.to_ascii_lowercase());
        attribute
            .chain(['\0'])
            .chain(self.value.chars().flat_map(char::to_lowercase))
    }
}

impl PartialEq for Rdn {
    fn eq(&self, other: &Self) -> bool {
        self.folded().eq(other.folded())
    }
}

impl Eq for Rdn {}

impl PartialOrd for Rdn {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Rdn {
    fn cmp(&self, other: &Self) -> Ordering {
        self.folded().cmp(other.folded())
    }
}

impl Hash for Rdn {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.folded().for_each(|c| c.hash(state));
        state.write_u8(0xff);
    }
}

impl fmt::Display for Rdn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}=", self.attribute)?;
        escape::write_escaped(f, &self.value)
    }
}

impl fmt::Debug for Rdn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Rdn({self})")
    }
}

impl FromStr for Rdn {
    type Err = DnError;

    /// Reads a name of exactly one component.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut rdns = parse::parse(text)?;
        match (rdns.pop(), rdns.is_empty()) {
            (Some(rdn), true) => Ok(rdn),
            _ => Err(DnError::NotOneComponent),
        }
    }
}

impl Dn {
    /// The empty name, that of the rootDSE.
    pub const ROOT: Dn = Dn { rdns: Vec::new() };

    /// From components, nearest first.
    ///
    /// # Errors
    /// More than [`MAX_RDNS`].
    pub fn from_rdns(rdns: Vec<Rdn>) -> Result<Self, DnError> {
        if rdns.len() > MAX_RDNS {
            return Err(DnError::TooManyComponents);
        }
        Ok(Dn { rdns })
    }

    /// The name of a domain: `contoso.com` is `DC=contoso,DC=com`.
    ///
    /// # Errors
    /// Not a DNS name.
    pub fn from_dns(name: &str) -> Result<Self, DnError> {
        let wrong = || DnError::DnsName {
            name: name.chars().take(64).collect(),
        };
        if name.is_empty() || name.len() > MAX_DNS_NAME_BYTES {
            return Err(wrong());
        }
        let label_fits = |label: &str| {
            (1..=63).contains(&label.len())
                && label
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
        };
        let rdns = name
            .split('.')
            .map(|label| label_fits(label).then(|| Rdn::new("DC", label).ok()).flatten())
            .collect::<Option<Vec<Rdn>>>()
            .ok_or_else(wrong)?;
        Dn::from_rdns(rdns)
    }

    /// The components, nearest first.
    pub fn rdns(&self) -> &[Rdn] {
        &self.rdns
    }

    /// The nearest component.
    pub fn rdn(&self) -> Option<&Rdn> {
        self.rdns.first()
    }

    /// Whether this is the empty name.
    pub const fn is_root(&self) -> bool {
        self.rdns.is_empty()
    }

    /// The name one level up; `None` for the empty name.
    pub fn parent(&self) -> Option<Dn> {
        let (_, rest) = self.rdns.split_first()?;
        Some(Dn { rdns: rest.to_vec() })
    }

    /// The name one level down.
    #[must_use]
    pub fn child(&self, rdn: Rdn) -> Dn {
        let mut rdns = Vec::with_capacity(self.rdns.len() + 1);
        rdns.push(rdn);
        rdns.extend_from_slice(&self.rdns);
        Dn { rdns }
    }

    /// Whether this name lies below `ancestor`; no name lies below itself.
    pub fn is_descendant_of(&self, ancestor: &Dn) -> bool {
        self.rdns.len() > ancestor.rdns.len() && self.is_within(ancestor)
    }

    /// Whether this name is `base` or lies below it.
    pub fn is_within(&self, base: &Dn) -> bool {
        self.rdns.ends_with(&base.rdns)
    }

    /// The name after `from`, which it lies in, has become `to`. `None` if it does not lie there.
    pub fn rebased(&self, from: &Dn, to: &Dn) -> Option<Dn> {
        let kept = self.rdns.strip_suffix(from.rdns.as_slice())?;
        Some(Dn {
            rdns: [kept, to.rdns.as_slice()].concat(),
        })
    }

    /// A key that is the same for every spelling of the name: escapes made uniform, lower case.
    pub fn normalized(&self) -> String {
        // Character by character as the comparisons do: `str::to_lowercase` treats a final sigma apart.
        self.to_string().chars().flat_map(char::to_lowercase).collect()
    }

    /// The DNS name of the domain that the name lies in: its trailing `DC` components.
    pub fn domain_dns_name(&self) -> Option<String> {
        let start = self.domain_start();
        let labels: Vec<&str> = self.rdns[start..].iter().map(Rdn::value).collect();
        (!labels.is_empty()).then(|| labels.join("."))
    }

    /// AD's canonical name, `contoso.com/Users/Alice`; a domain's own ends in a slash.
    pub fn canonical_name(&self) -> Option<String> {
        let mut name = self.domain_dns_name()?;
        let path = &self.rdns[..self.domain_start()];
        if path.is_empty() {
            name.push('/');
        }
        for rdn in path.iter().rev() {
            name.push('/');
            name.push_str(&rdn.value.replace('\\', "\\\\").replace('/', "\\/"));
        }
        Some(name)
    }

    /// Where the trailing `DC` components begin.
    fn domain_start(&self) -> usize {
        let is_dc = |rdn: &&Rdn| rdn.attribute.eq_ignore_ascii_case("DC");
        self.rdns.len() - self.rdns.iter().rev().take_while(is_dc).count()
    }
}

impl fmt::Display for Dn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, rdn) in self.rdns.iter().enumerate() {
            if at > 0 {
                f.write_str(",")?;
            }
            fmt::Display::fmt(rdn, f)?;
        }
        Ok(())
    }
}

impl fmt::Debug for Dn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Dn({self})")
    }
}

impl FromStr for Dn {
    type Err = DnError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse::parse(text).map(|rdns| Dn { rdns })
    }
}

serde_as_text!(Dn);

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;

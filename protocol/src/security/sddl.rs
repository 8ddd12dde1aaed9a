//! People and scenario files write security descriptors as SDDL text (MS-DTYP 2.5.1).
//!
//! Read: owner, group and both lists; plain and object entries; rights as letters or numbers; SIDs as text, as
//! well-known letters, and, with a domain given, as letters relative to it (`DA` for Domain Admins).
//! Not read: conditional and resource attribute entries, which directories do not hold.

mod names;

use std::fmt;
use std::str::FromStr;

use self::names::{ACE_FLAGS, ACE_KINDS, ACL_FLAGS, AclFlag, DOMAIN_SIDS, FILE_RIGHTS, RIGHTS, SIDS};
use super::{AccessMask, Ace, AceFlags, AceKind, Acl, DescriptorControl, MAX_ACES, SecurityDescriptor};
use crate::guid::Guid;
use crate::sid::Sid;

/// Longest text that is read, in bytes.
pub const MAX_SDDL_BYTES: usize = 256 * 1024;

/// Why a text is not SDDL. Offsets count bytes from the start of the text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SddlError {
    /// Over [`MAX_SDDL_BYTES`].
    #[error("the SDDL text is {0} bytes long; at most {MAX_SDDL_BYTES} are read")]
    TooLong(usize),
    /// Something else than a part.
    #[error("at byte {offset}: expected one of the parts O:, G:, D: and S:, each at most once")]
    Part {
        /// Where.
        offset: usize,
    },
    /// A word that is not known in its place.
    #[error("at byte {offset}: `{text}` is not {expected}")]
    Unknown {
        /// Where.
        offset: usize,
        /// What was read, shortened.
        text: String,
        /// What belongs there.
        expected: &'static str,
    },
    /// Letters that stand for a SID of a domain, but no domain was given.
    #[error("at byte {offset}: `{text}` stands for an account of a domain; write its SID as S-1-5-21-…")]
    NeedsDomain {
        /// Where.
        offset: usize,
        /// The letters.
        text: String,
    },
    /// Not six fields, or no closing parenthesis.
    #[error("at byte {offset}: an entry is (type;flags;rights;object;inherited object;trustee)")]
    Entry {
        /// Where it begins.
        offset: usize,
    },
    /// Over [`MAX_ACES`].
    #[error("at byte {offset}: the list has more than {MAX_ACES} entries")]
    TooManyEntries {
        /// Where the first too many begins.
        offset: usize,
    },
}

/// Reads SDDL in which no letters relative to a domain occur, or, with a domain's SID, ones that do.
///
/// # Errors
/// Not SDDL, or beyond the bounds of this reader.
pub fn parse(text: &str, domain: Option<&Sid>) -> Result<SecurityDescriptor, SddlError> {
    if text.len() > MAX_SDDL_BYTES {
        return Err(SddlError::TooLong(text.len()));
    }
    Parser { text, at: 0, domain }.descriptor()
}

impl FromStr for SecurityDescriptor {
    type Err = SddlError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse(text, None)
    }
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    domain: Option<&'a Sid>,
}

impl<'a> Parser<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn take(&mut self, prefix: &str) -> bool {
        let found = self
            .rest()
            .get(..prefix.len())
            .is_some_and(|t| t.eq_ignore_ascii_case(prefix));
        self.at += if found { prefix.len() } else { 0 };
        found
    }

    fn descriptor(mut self) -> Result<SecurityDescriptor, SddlError> {
        let mut descriptor = SecurityDescriptor::default();
        while !self.rest().is_empty() {
            let offset = self.at;
            if descriptor.owner.is_none() && self.take("O:") {
                descriptor.owner = Some(self.owner()?);
            } else if descriptor.group.is_none() && self.take("G:") {
                descriptor.group = Some(self.owner()?);
            } else if descriptor.dacl.is_none() && self.take("D:") {
                descriptor.dacl = Some(self.list(&mut descriptor.control, |flag| flag.dacl)?);
            } else if descriptor.sacl.is_none() && self.take("S:") {
                descriptor.sacl = Some(self.list(&mut descriptor.control, |flag| flag.sacl)?);
            } else {
                return Err(SddlError::Part { offset });
            }
        }
        Ok(descriptor)
    }

    /// A SID that runs up to the next part.
    fn owner(&mut self) -> Result<Sid, SddlError> {
        let rest = self.rest();
        // The letter of the next part belongs to it, not to the SID before it.
        let end = rest.find(':').map_or(rest.len(), |colon| colon.saturating_sub(1));
        let text = rest.get(..end).ok_or(SddlError::Part { offset: self.at })?;
        let sid = self.sid(Word {
            text,
            offset: self.at,
        })?;
        self.at += end;
        Ok(sid)
    }

    fn list(
        &mut self,
        control: &mut DescriptorControl,
        bit: fn(&AclFlag) -> DescriptorControl,
    ) -> Result<Acl, SddlError> {
        while let Some(flag) = ACL_FLAGS.iter().find(|flag| self.take(flag.letters)) {
            *control |= bit(flag);
        }
        let mut aces = Vec::new();
        while self.rest().starts_with('(') {
            let offset = self.at;
            if aces.len() == MAX_ACES {
                return Err(SddlError::TooManyEntries { offset });
            }
            let inside = self.rest()[1..].split(')').next().unwrap_or_default();
            if !self.rest()[1 + inside.len()..].starts_with(')') {
                return Err(SddlError::Entry { offset });
            }
            aces.push(self.entry(inside, offset + 1)?);
            self.at += inside.len() + 2;
        }
        Ok(Acl { aces })
    }

    fn entry(&self, inside: &'a str, offset: usize) -> Result<Ace, SddlError> {
        let mut at = offset;
        let mut fields = Vec::with_capacity(6);
        for text in inside.splitn(7, ';') {
            fields.push(Word { text, offset: at });
            at += text.len() + 1;
        }
        let &[kind, flags, rights, object, inherited_object, trustee] = fields.as_slice() else {
            return Err(SddlError::Entry { offset });
        };
        Ok(Ace {
            kind: kind.ace_kind()?,
            flags: flags.ace_flags()?,
            mask: rights.rights()?,
            object_type: object.guid()?,
            inherited_object_type: inherited_object.guid()?,
            trustee: self.sid(trustee)?,
        })
    }

    fn sid(&self, word: Word<'_>) -> Result<Sid, SddlError> {
        if let Some((_, sid)) = SIDS.iter().find(|(letters, _)| word.is(letters)) {
            return Ok(*sid);
        }
        if let Some((_, rid)) = DOMAIN_SIDS.iter().find(|(letters, _)| word.is(letters)) {
            let needs_domain = || SddlError::NeedsDomain {
                offset: word.offset,
                text: word.text.to_owned(),
            };
            return Ok(self.domain.ok_or_else(needs_domain)?.with_rid(*rid));
        }
        word.text
            .parse()
            .map_err(|_| word.unknown("a SID or the letters of one"))
    }
}

/// A piece of the text with its place, so that errors can tell it.
#[derive(Clone, Copy)]
struct Word<'a> {
    text: &'a str,
    offset: usize,
}

impl Word<'_> {
    fn is(self, letters: &str) -> bool {
        self.text.eq_ignore_ascii_case(letters)
    }

    fn unknown(self, expected: &'static str) -> SddlError {
        let text = self.text.chars().take(40).collect();
        SddlError::Unknown {
            offset: self.offset,
            text,
            expected,
        }
    }

    fn ace_kind(self) -> Result<AceKind, SddlError> {
        ACE_KINDS
            .iter()
            .find(|(_, plain, object)| self.is(plain) || self.is(object))
            .map(|(kind, ..)| *kind)
            .ok_or_else(|| self.unknown("a type of entry (A, D, AU, OA, OD or OU)"))
    }

    fn ace_flags(self) -> Result<AceFlags, SddlError> {
        const EXPECTED: &str = "a flag of an entry (CI, OI, NP, IO, ID, SA or FA)";
        self.pairs(EXPECTED)?.try_fold(AceFlags(0), |sum, pair| {
            let flag = ACE_FLAGS.iter().find(|(letters, _)| pair.is(letters));
            flag.map(|(_, flag)| sum.with(*flag))
                .ok_or_else(|| pair.unknown(EXPECTED))
        })
    }

    /// A number, or letters.
    fn rights(self) -> Result<AccessMask, SddlError> {
        const EXPECTED: &str = "an access right";
        let number = match self.text.as_bytes() {
            [b'0', b'x' | b'X', ..] => Some(u32::from_str_radix(&self.text[2..], 16)),
            [b'0'..=b'9', ..] => Some(self.text.parse()),
            _ => None,
        };
        if let Some(number) = number {
            return number
                .map(AccessMask)
                .map_err(|_| self.unknown("a number of 32 bits"));
        }
        self.pairs(EXPECTED)?.try_fold(AccessMask(0), |sum, pair| {
            let right = RIGHTS
                .iter()
                .chain(FILE_RIGHTS)
                .find(|(letters, _)| pair.is(letters));
            right
                .map(|(_, mask)| sum.with(*mask))
                .ok_or_else(|| pair.unknown(EXPECTED))
        })
    }

    fn guid(self) -> Result<Option<Guid>, SddlError> {
        if self.text.is_empty() {
            return Ok(None);
        }
        self.text.parse().map(Some).map_err(|_| self.unknown("a GUID"))
    }

    /// The words of two letters that a field is made of.
    fn pairs(self, expected: &'static str) -> Result<impl Iterator<Item = Self>, SddlError> {
        if !self.text.is_ascii() {
            return Err(self.unknown(expected));
        }
        Ok((0..self.text.len()).step_by(2).map(move |at| {
            let end = self.text.len().min(at + 2);
            Word {
                text: &self.text[at..end],
                offset: self.offset + at,
            }
        }))
    }
}

impl fmt::Display for SecurityDescriptor {
    /// SDDL. Letters stand only for SIDs that are the same in every domain, so the text means the same everywhere.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (letter, sid) in [("O", self.owner), ("G", self.group)] {
            if let Some(sid) = sid {
                write!(f, "{letter}:{}", SidText(&sid))?;
            }
        }
        if let Some(acl) = &self.dacl {
            f.write_str("D:")?;
            write_list(f, acl, self.control, |flag| flag.dacl)?;
        }
        if let Some(acl) = &self.sacl {
            f.write_str("S:")?;
            write_list(f, acl, self.control, |flag| flag.sacl)?;
        }
        Ok(())
    }
}

fn write_list(
    f: &mut fmt::Formatter<'_>,
    acl: &Acl,
    control: DescriptorControl,
    bit: fn(&AclFlag) -> DescriptorControl,
) -> fmt::Result {
    for flag in ACL_FLAGS.iter().filter(|flag| control.contains(bit(flag))) {
        f.write_str(flag.letters)?;
    }
    acl.aces.iter().try_for_each(|ace| write!(f, "({ace})"))
}

impl fmt::Display for Ace {
    /// The six fields of the entry, without parentheses.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let object = self.object_type.is_some() || self.inherited_object_type.is_some();
        if let Some((_, plain, with_types)) = ACE_KINDS.iter().find(|(kind, ..)| *kind == self.kind) {
            f.write_str(if object { with_types } else { plain })?;
        }
        f.write_str(";")?;
        for (letters, flag) in ACE_FLAGS {
            if self.flags.contains(*flag) {
                f.write_str(letters)?;
            }
        }
        f.write_str(";")?;
        write_rights(f, self.mask)?;
        for guid in [self.object_type, self.inherited_object_type] {
            f.write_str(";")?;
            if let Some(guid) = guid {
                write!(f, "{guid}")?;
            }
        }
        write!(f, ";{}", SidText(&self.trustee))
    }
}

/// Letters if they tell the whole mask, else a number.
fn write_rights(f: &mut fmt::Formatter<'_>, mask: AccessMask) -> fmt::Result {
    let named: Vec<_> = RIGHTS.iter().filter(|(_, right)| mask.contains(*right)).collect();
    let covered = named
        .iter()
        .fold(AccessMask(0), |sum, (_, right)| sum.with(*right));
    if covered != mask || mask.is_empty() {
        return write!(f, "0x{:x}", mask.bits());
    }
    named.iter().try_for_each(|(letters, _)| f.write_str(letters))
}

struct SidText<'a>(&'a Sid);

impl fmt::Display for SidText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match SIDS.iter().find(|(_, sid)| sid == self.0) {
            Some((letters, _)) => f.write_str(letters),
            None => fmt::Display::fmt(self.0, f),
        }
    }
}

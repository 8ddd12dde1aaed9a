//! One attribute of the schema.

use std::str::Split;

use provlab_protocol::guid::Guid;

use super::syntax::Syntax;

/// Index of an attribute in the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AttributeId(u16);

impl AttributeId {
    /// The least identifier: where ranges over all attributes begin.
    pub const FIRST: Self = Self(0);

    pub(super) fn at(index: usize) -> Self {
        Self(u16::try_from(index).expect("the attribute table is shorter than 65,536 rows"))
    }

    /// Place in the table.
    pub(crate) fn index(self) -> usize {
        usize::from(self.0)
    }

    /// The identifier after this one.
    pub(crate) fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

/// Bits of `searchFlags` (MS-ADTS 2.2.10) that the directory acts on.
pub mod search_flags {
    /// Equality is indexed.
    pub const INDEXED: u32 = 0x1;
    /// Part of ambiguous name resolution.
    pub const ANR: u32 = 0x4;
    /// Kept on a tombstone.
    pub const KEPT_ON_TOMBSTONE: u32 = 0x8;
    /// Readable only with the extended right on the attribute.
    pub const CONFIDENTIAL: u32 = 0x80;
}

/// Bits of `systemFlags` (MS-ADTS 2.2.9).
mod system_flags {
    pub(super) const NOT_REPLICATED: u32 = 0x1;
    pub(super) const CONSTRUCTED: u32 = 0x4;
}

/// The attributes that no LDAP client ever reads.
const SECRET: &[&str] = &[
    "currentValue",
    "dBCSPwd",
    "initialAuthIncoming",
    "initialAuthOutgoing",
    "lmPwdHistory",
    "msDS-ExecuteScriptPassword",
    "ntPwdHistory",
    "priorValue",
    "supplementalCredentials",
    "trustAuthIncoming",
    "trustAuthOutgoing",
    "unicodePwd",
];

/// A row of the attribute table.
#[derive(Debug)]
pub struct AttributeDef {
    /// `lDAPDisplayName`.
    pub name: &'static str,
    /// `attributeID`.
    pub oid: &'static str,
    /// How values are written and compared.
    pub syntax: Syntax,
    /// `isSingleValued`.
    pub single_valued: bool,
    /// `systemOnly`: clients may not write it.
    pub system_only: bool,
    /// `isMemberOfPartialAttributeSet`: in the global catalog.
    pub in_global_catalog: bool,
    /// `searchFlags`.
    pub search_flags: u32,
    /// `systemFlags`.
    pub system_flags: u32,
    /// `linkID`: even on the forward side, the next odd number on the back side, 0 without a link.
    pub link_id: u32,
    /// `rangeLower`.
    pub range_lower: Option<i64>,
    /// `rangeUpper`.
    pub range_upper: Option<i64>,
    /// `schemaIDGUID`, which access control entries name. `None` where no public source gives it.
    pub guid: Option<Guid>,
    /// `attributeSecurityGUID`: the property set.
    pub property_set: Option<Guid>,
    /// `cn` of the attribute's schema object.
    pub common_name: &'static str,
    /// Never leaves the directory (MS-ADTS 3.1.1.4.4): password hashes and other credentials.
    pub secret: bool,
}

impl AttributeDef {
    pub(super) fn read(line: &'static str) -> Self {
        let mut columns = Columns::new(line);
        let name = columns.text();
        let oid = columns.text();
        let syntax =
            Syntax::named(columns.text()).expect("the attribute table uses the names of Syntax::named");
        let flags = columns.text();
        Self {
            name,
            oid,
            syntax,
            single_valued: flags.contains('S'),
            system_only: flags.contains('O'),
            in_global_catalog: flags.contains('G'),
            search_flags: columns.number(),
            system_flags: columns.number(),
            link_id: columns.number(),
            range_lower: columns.optional().and_then(|text| text.parse().ok()),
            range_upper: columns.optional().and_then(|text| text.parse().ok()),
            guid: columns.guid(),
            property_set: columns.guid(),
            common_name: columns.text(),
            secret: SECRET.contains(&name),
        }
    }

    /// Whether the directory computes it when asked (MS-ADTS 3.1.1.4.5).
    #[must_use]
    pub fn is_constructed(&self) -> bool {
        self.system_flags & system_flags::CONSTRUCTED != 0
    }

    /// Whether it stays on this domain controller: writing it leaves `uSNChanged` alone.
    #[must_use]
    pub fn is_local(&self) -> bool {
        self.system_flags & system_flags::NOT_REPLICATED != 0 && !self.is_back_link()
    }

    /// Whether it is the side of a link that is written.
    #[must_use]
    pub fn is_forward_link(&self) -> bool {
        self.link_id != 0 && self.link_id.is_multiple_of(2)
    }

    /// Whether it is the side of a link that follows from the other.
    #[must_use]
    pub fn is_back_link(&self) -> bool {
        !self.link_id.is_multiple_of(2)
    }

    /// Whether reading it takes more than the right to read properties.
    #[must_use]
    pub fn is_confidential(&self) -> bool {
        self.search_flags & search_flags::CONFIDENTIAL != 0
    }

    /// Whether it takes part in ambiguous name resolution.
    #[must_use]
    pub fn is_anr(&self) -> bool {
        self.search_flags & search_flags::ANR != 0
    }

    /// Whether it is kept on a tombstone.
    #[must_use]
    pub fn survives_deletion(&self) -> bool {
        self.search_flags & search_flags::KEPT_ON_TOMBSTONE != 0
    }
}

/// The tab-separated columns of a row; `-` stands for nothing.
pub(super) struct Columns(Split<'static, char>);

impl Columns {
    pub(super) fn new(line: &'static str) -> Self {
        Self(line.split('\t'))
    }

    pub(super) fn text(&mut self) -> &'static str {
        self.0.next().unwrap_or("")
    }

    pub(super) fn optional(&mut self) -> Option<&'static str> {
        Some(self.text()).filter(|text| !matches!(*text, "" | "-"))
    }

    pub(super) fn number(&mut self) -> u32 {
        self.text().parse().unwrap_or(0)
    }

    pub(super) fn guid(&mut self) -> Option<Guid> {
        self.optional().and_then(|text| text.parse().ok())
    }

    pub(super) fn list(&mut self) -> Vec<&'static str> {
        self.optional()
            .map(|text| text.split(' ').collect())
            .unwrap_or_default()
    }
}

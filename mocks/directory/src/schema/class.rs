//! One class of the schema.

use provlab_protocol::guid::Guid;

use super::attribute::{AttributeId, Columns};

/// Index of a class in the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ClassId(u16);

impl ClassId {
    pub(super) fn at(index: usize) -> Self {
        Self(u16::try_from(index).expect("the class table is shorter than 65,536 rows"))
    }

    pub(super) fn index(self) -> usize {
        usize::from(self.0)
    }
}

/// What a class may be used for (`objectClassCategory`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClassCategory {
    /// Objects can be made of it.
    Structural,
    /// Other classes derive from it.
    Abstract,
    /// It is added to other classes.
    Auxiliary,
    /// Defined before the categories existed; behaves as structural.
    Class88,
}

/// A row of the class table.
#[derive(Debug)]
pub struct ClassDef {
    /// `lDAPDisplayName`.
    pub name: &'static str,
    /// `governsID`.
    pub oid: &'static str,
    /// `subClassOf`.
    pub super_class: &'static str,
    /// `objectClassCategory`.
    pub category: ClassCategory,
    /// `rDNAttID`.
    pub naming_attribute: &'static str,
    /// `systemOnly`: only the system makes objects of it.
    pub system_only: bool,
    /// `schemaIDGUID`.
    pub guid: Guid,
    /// Common name of the class that `defaultObjectCategory` names.
    pub default_category: &'static str,
    /// `cn` of the class object.
    pub common_name: &'static str,
    /// `auxiliaryClass` and `systemAuxiliaryClass`.
    pub auxiliary: Vec<&'static str>,
    /// `possSuperiors` and `systemPossSuperiors`.
    pub superiors: Vec<&'static str>,
    /// `mustContain` and `systemMustContain`, without those of other classes.
    pub must: Vec<&'static str>,
    /// `mayContain` and `systemMayContain`, without those of other classes.
    pub may: Vec<&'static str>,
    /// `defaultSecurityDescriptor` in SDDL, or empty.
    pub default_descriptor: &'static str,
    pub(super) all_must: Vec<AttributeId>,
    pub(super) all_may: Vec<AttributeId>,
}

impl ClassDef {
    pub(super) fn read(line: &'static str) -> Self {
        let mut columns = Columns::new(line);
        Self {
            name: columns.text(),
            oid: columns.text(),
            super_class: columns.text(),
            category: match columns.text() {
                "2" => ClassCategory::Abstract,
                "3" => ClassCategory::Auxiliary,
                "0" => ClassCategory::Class88,
                _ => ClassCategory::Structural,
            },
            naming_attribute: columns.text(),
            system_only: columns.text().contains('O'),
            guid: columns
                .guid()
                .expect("every class row of the table has its schemaIDGUID"),
            default_category: columns.text(),
            common_name: columns.text(),
            auxiliary: columns.list(),
            superiors: columns.list(),
            must: columns.list(),
            may: columns.list(),
            default_descriptor: columns.optional().unwrap_or(""),
            all_must: Vec::new(),
            all_may: Vec::new(),
        }
    }

    /// Whether an object of the class may have the attribute.
    #[must_use]
    pub fn allows(&self, attribute: AttributeId) -> bool {
        self.all_may.binary_search(&attribute).is_ok() || self.all_must.binary_search(&attribute).is_ok()
    }

    /// The attributes that an object of the class has to have.
    #[must_use]
    pub fn required(&self) -> &[AttributeId] {
        &self.all_must
    }

    /// The attributes that an object of the class may have besides the required ones.
    #[must_use]
    pub fn optional(&self) -> &[AttributeId] {
        &self.all_may
    }

    /// Whether objects can be made of it.
    #[must_use]
    pub fn is_structural(&self) -> bool {
        matches!(self.category, ClassCategory::Structural | ClassCategory::Class88)
    }
}

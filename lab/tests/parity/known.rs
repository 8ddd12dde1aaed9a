//! Where Samba is known to differ from what Windows documents, by the name of the case.

/// A difference.
pub struct Known {
    /// The case, which also says what Samba answers exactly.
    pub case: &'static str,
    /// What Samba does.
    pub samba: &'static str,
    /// What Windows does, and so the embedded directory.
    pub windows: &'static str,
    /// Where that is written, or why.
    pub reason: &'static str,
}

pub const KNOWN: &[Known] = &[];

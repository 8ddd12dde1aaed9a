//! Controls: which ones are served, and what those of a request ask for (PR 15.1, 15.3, 16.1).

use provlab_protocol::dirsync::DirSyncRequest;
use provlab_protocol::ldap_controls::{
    Control, ControlError, ExtendedDn, PagedResults, PolicyHints, SdFlags,
};
use provlab_protocol::oid::control as oid;

use crate::model::{self, LdapError, ResultCode};

/// The controls that rootDSE lists in `supportedControl`.
pub const SUPPORTED: [&str; 14] = [
    oid::PAGED_RESULTS,
    oid::DIRSYNC,
    oid::DIRSYNC_EX,
    oid::SHOW_DELETED,
    oid::SHOW_RECYCLED,
    oid::SHOW_DEACTIVATED_LINK,
    oid::SD_FLAGS,
    oid::EXTENDED_DN,
    oid::DOMAIN_SCOPE,
    oid::SEARCH_OPTIONS,
    oid::TREE_DELETE,
    oid::PERMISSIVE_MODIFY,
    oid::POLICY_HINTS,
    oid::POLICY_HINTS_DEPRECATED,
];

/// Accepted, and without any effect here: every commit is durable, and there is one domain controller.
const WITHOUT_EFFECT: [&str; 2] = [oid::LAZY_COMMIT, oid::VERIFY_NAME];

/// `SERVER_SEARCH_FLAG_DOMAIN_SCOPE` of the search-options control.
const OPTION_DOMAIN_SCOPE: u32 = 0x1;
/// `SERVER_SEARCH_FLAG_PHANTOM_ROOT` of the search-options control.
const OPTION_PHANTOM_ROOT: u32 = 0x2;

/// What the controls of a request ask for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Controls {
    /// Page size and cookie.
    pub paged: Option<PagedResults>,
    /// Changes since a cookie.
    pub dir_sync: Option<DirSyncRequest>,
    /// Tombstones are shown.
    pub show_deleted: bool,
    /// Parts of `nTSecurityDescriptor` that are meant.
    pub sd_flags: Option<SdFlags>,
    /// Names with GUID and SID.
    pub extended_dn: Option<model::ExtendedDn>,
    /// No references to other naming contexts.
    pub domain_scope: bool,
    /// Every naming context below the base is searched.
    pub phantom_root: bool,
    /// A delete takes everything below with it.
    pub tree_delete: bool,
    /// Adding what is there and deleting what is not is no error.
    pub permissive_modify: bool,
    /// A password reset obeys history and minimum age.
    pub policy_hints: bool,
}

impl Controls {
    /// Reads the controls of a request.
    ///
    /// # Errors
    /// `unavailableCriticalExtension` for a critical control that is not served, or for a malformed value.
    pub fn read(controls: &[Control]) -> Result<Self, LdapError> {
        let mut read = Self::default();
        for control in controls {
            match read.take(control) {
                Ok(true) => {}
                Ok(false) if control.critical => return Err(unavailable()),
                Ok(false) => {}
                Err(error) => return Err(malformed(&error)),
            }
        }
        Ok(read)
    }

    /// Takes one control in; false where it is not served.
    fn take(&mut self, control: &Control) -> Result<bool, ControlError> {
        let value = control.value.as_deref();
        let bytes = value.unwrap_or_default();
        match control.oid.as_str() {
            oid::PAGED_RESULTS => self.paged = Some(PagedResults::from_value(bytes)?),
            oid::DIRSYNC => self.dir_sync = Some(DirSyncRequest::from_value(bytes)?),
            oid::DIRSYNC_EX => {
                self.dir_sync = Some(DirSyncRequest::from_value(bytes)?);
                self.extended_dn = Some(model::ExtendedDn::Hex);
            }
            oid::SHOW_DELETED | oid::SHOW_RECYCLED => self.show_deleted = true,
            oid::SHOW_DEACTIVATED_LINK => {}
            oid::SD_FLAGS => self.sd_flags = Some(SdFlags::from_value(bytes)?),
            oid::EXTENDED_DN => {
                self.extended_dn = Some(match ExtendedDn::from_value(value)? {
                    ExtendedDn::Hex => model::ExtendedDn::Hex,
                    ExtendedDn::Text => model::ExtendedDn::Text,
                });
            }
            oid::DOMAIN_SCOPE => self.domain_scope = true,
            oid::SEARCH_OPTIONS => {
                // Its value has the shape of the SD-flags control: one number in a sequence.
                let SdFlags(options) = SdFlags::from_value(bytes)?;
                self.domain_scope |= options & OPTION_DOMAIN_SCOPE != 0;
                self.phantom_root |= options & OPTION_PHANTOM_ROOT != 0;
            }
            oid::TREE_DELETE => self.tree_delete = true,
            oid::PERMISSIVE_MODIFY => self.permissive_modify = true,
            oid::POLICY_HINTS | oid::POLICY_HINTS_DEPRECATED => {
                let hints = PolicyHints::from_value(value)?;
                self.policy_hints = hints.contains(PolicyHints::ENFORCE_HISTORY);
            }
            other => return Ok(WITHOUT_EFFECT.contains(&other)),
        }
        Ok(true)
    }
}

/// AD's answer to a critical control that it does not have.
fn unavailable() -> LdapError {
    LdapError::service(
        ResultCode::UnavailableCriticalExtension,
        0x2040,
        "5010 (UNAVAIL_EXTENSION)",
    )
}

/// AD's answer to a control that it cannot read, with what is wrong behind it.
fn malformed(error: &ControlError) -> LdapError {
    LdapError::new(
        ResultCode::UnavailableCriticalExtension,
        format!(
            "00000057: LdapErr: DSID-0C090A7D, comment: Error processing control, data 0, v1db1 ({error})"
        ),
    )
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn critical(oid: &str) -> Control {
        Control::new(oid, true)
    }

    #[test]
    fn an_unknown_control_matters_only_if_it_is_critical() {
        let unknown = "1.3.6.1.4.1.99999.1";
        assert_eq!(
            Controls::read(&[Control::new(unknown, false)]),
            Ok(Controls::default())
        );
        let error = Controls::read(&[critical(unknown)]).unwrap_err();
        assert_eq!(error.code, ResultCode::UnavailableCriticalExtension);
        assert!(error.diagnostic.starts_with("00002040: SvcErr"));
    }

    #[test]
    fn values_are_read_and_malformed_ones_refused() {
        let page = critical(oid::PAGED_RESULTS).with_value(hex::decode("3006020203e80400").unwrap());
        let read = Controls::read(&[page, critical(oid::SHOW_DELETED)]).unwrap();
        assert_eq!(read.paged.unwrap().size, 1000);
        assert!(read.show_deleted);
        let broken = critical(oid::DIRSYNC).with_value(vec![0x30, 0x05, 0x02]);
        let error = Controls::read(&[broken]).unwrap_err();
        assert!(error.diagnostic.contains("Error processing control"));
    }

    #[test]
    fn every_listed_control_is_served() {
        for oid in SUPPORTED {
            let mut controls = Controls::default();
            assert_ne!(controls.take(&critical(oid)), Ok(false), "{oid}");
        }
    }
}

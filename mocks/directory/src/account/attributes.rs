//! The schema's identifiers of the attributes that account rules speak of, and typed readers for them.

use std::sync::LazyLock;

use provlab_protocol::filetime::FileTime;
use provlab_protocol::uac::UserAccountControl;

use crate::model::{Object, Value};
use crate::schema::{AttributeId, Schema};

macro_rules! account_attributes {
    ($($field:ident = $name:literal),* $(,)?) => {
        /// Identifiers of the attributes that account rules read or write.
        #[derive(Debug)]
        pub(crate) struct AccountAttributes { $(pub(crate) $field: AttributeId),* }

        /// Looked up once.
        pub(crate) static ATTRIBUTES: LazyLock<AccountAttributes> = LazyLock::new(|| {
            let schema = Schema::get();
            AccountAttributes { $($field: schema.attribute($name)
                .expect("the attribute table holds every attribute that the code names")),* }
        });
    };
}

account_attributes! {
    account_expires = "accountExpires",
    admin_count = "adminCount",
    bad_password_time = "badPasswordTime",
    bad_pwd_count = "badPwdCount",
    display_name = "displayName",
    gmsa_membership = "msDS-GroupMSAMembership",
    last_logon_timestamp = "lastLogonTimestamp",
    lockout_duration = "lockoutDuration",
    lockout_observation_window = "lockOutObservationWindow",
    lockout_threshold = "lockoutThreshold",
    lockout_time = "lockoutTime",
    logon_count = "logonCount",
    logon_hours = "logonHours",
    managed_password_id = "msDS-ManagedPasswordId",
    managed_password_interval = "msDS-ManagedPasswordInterval",
    max_pwd_age = "maxPwdAge",
    min_pwd_age = "minPwdAge",
    min_pwd_length = "minPwdLength",
    nt_pwd_history = "ntPwdHistory",
    object_class = "objectClass",
    pso_applies_to = "msDS-PSOAppliesTo",
    pso_complexity = "msDS-PasswordComplexityEnabled",
    pso_history = "msDS-PasswordHistoryLength",
    pso_lockout_duration = "msDS-LockoutDuration",
    pso_lockout_threshold = "msDS-LockoutThreshold",
    pso_lockout_window = "msDS-LockoutObservationWindow",
    pso_max_age = "msDS-MaximumPasswordAge",
    pso_min_age = "msDS-MinimumPasswordAge",
    pso_min_length = "msDS-MinimumPasswordLength",
    pso_precedence = "msDS-PasswordSettingsPrecedence",
    pwd_history_length = "pwdHistoryLength",
    pwd_last_set = "pwdLastSet",
    pwd_properties = "pwdProperties",
    sam_account_name = "sAMAccountName",
    unicode_pwd = "unicodePwd",
    user_account_control = "userAccountControl",
    user_workstations = "userWorkstations",
}

/// The first value as text.
pub(crate) fn text(object: &Object, attribute: AttributeId) -> Option<&str> {
    object
        .first(attribute)
        .and_then(|value| std::str::from_utf8(value).ok())
}

/// The first value as a number.
pub(crate) fn number(object: &Object, attribute: AttributeId) -> Option<i64> {
    parse_number(object.first(attribute)?)
}

/// A value's digits as a number.
pub(crate) fn parse_number(value: &Value) -> Option<i64> {
    std::str::from_utf8(value).ok()?.parse().ok()
}

/// The first value as a time; a negative number is no time.
pub(crate) fn time(object: &Object, attribute: AttributeId) -> Option<FileTime> {
    number(object, attribute)
        .and_then(|ticks| u64::try_from(ticks).ok())
        .map(FileTime)
}

/// A span that AD stores as a negative number of 100 ns units. The smallest number means for ever.
pub(crate) fn span(object: &Object, attribute: AttributeId) -> Option<u64> {
    let ticks = number(object, attribute)?;
    (ticks != i64::MIN).then(|| ticks.unsigned_abs())
}

/// A number as an attribute's only value.
pub(crate) fn decimal(value: impl Into<i128>) -> Vec<Vec<u8>> {
    vec![value.into().to_string().into_bytes()]
}

/// The account's control flags.
pub(crate) fn control_flags(object: &Object) -> UserAccountControl {
    // The attribute is a signed 32-bit number on the wire.
    let flags = number(object, ATTRIBUTES.user_account_control).unwrap_or(0);
    UserAccountControl(flags as u32)
}

/// Whether the object is of this class, by itself or through a super class.
pub(crate) fn has_class(object: &Object, class: &str) -> bool {
    object
        .stored(ATTRIBUTES.object_class)
        .iter()
        .any(|value| value.eq_ignore_ascii_case(class.as_bytes()))
}

//! The first eight digits of AD's diagnostic texts are a Win32 code, the only part that never varies by build.

use std::fmt;

/// A Win32 error code. Those that directories answer with have names.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Win32Error(pub u32);

macro_rules! win32_errors {
    ($( $(#[$meta:meta])* $name:ident = $code:expr; )*) => {
        impl Win32Error {
            $( $(#[$meta])* pub const $name: Win32Error = Win32Error($code); )*

            /// The name in `winerror.h`, where the code is one of these.
            pub const fn name(self) -> Option<&'static str> {
                match self {
                    $( Self::$name => Some(stringify!($name)), )*
                    _ => None,
                }
            }
        }
    };
}

win32_errors! {
    /// Access is denied.
    ERROR_ACCESS_DENIED = 0x5;
    /// A device does not function; on password writes: the connection is not encrypted.
    ERROR_GEN_FAILURE = 0x1f;
    /// The old password is wrong.
    ERROR_INVALID_PASSWORD = 0x56;
    /// A parameter is wrong.
    ERROR_INVALID_PARAMETER = 0x57;
    /// No such user.
    ERROR_NO_SUCH_USER = 0x525;
    /// The user name exists already.
    ERROR_USER_EXISTS = 0x524;
    /// The group exists already.
    ERROR_GROUP_EXISTS = 0x526;
    /// The member is in the group already.
    ERROR_MEMBER_IN_GROUP = 0x528;
    /// The member is not in the group.
    ERROR_MEMBER_NOT_IN_GROUP = 0x529;
    /// The old password is wrong, on a change.
    ERROR_WRONG_PASSWORD = 0x52b;
    /// The password breaks the policy.
    ERROR_PASSWORD_RESTRICTION = 0x52d;
    /// Name or password is wrong.
    ERROR_LOGON_FAILURE = 0x52e;
    /// Outside of the logon hours.
    ERROR_INVALID_LOGON_HOURS = 0x530;
    /// Not from this workstation.
    ERROR_INVALID_WORKSTATION = 0x531;
    /// The password has expired.
    ERROR_PASSWORD_EXPIRED = 0x532;
    /// The account is disabled.
    ERROR_ACCOUNT_DISABLED = 0x533;
    /// Too many groups in the token.
    ERROR_TOO_MANY_CONTEXT_IDS = 0x568;
    /// This type of logon is not granted.
    ERROR_LOGON_TYPE_NOT_GRANTED = 0x569;
    /// The account has expired.
    ERROR_ACCOUNT_EXPIRED = 0x701;
    /// The password must be changed.
    ERROR_PASSWORD_MUST_CHANGE = 0x773;
    /// The account is locked out.
    ERROR_ACCOUNT_LOCKED_OUT = 0x775;
    /// The operation needs a successful bind first.
    ERROR_NOT_AUTHENTICATED = 0x4dc;
    /// The attribute or value is not there.
    ERROR_DS_NO_ATTRIBUTE_OR_VALUE = 0x200a;
    /// The value is not of the attribute's syntax.
    ERROR_DS_INVALID_ATTRIBUTE_SYNTAX = 0x200b;
    /// The attribute is not in the schema.
    ERROR_DS_ATTRIBUTE_TYPE_UNDEFINED = 0x200c;
    /// The value exists already.
    ERROR_DS_ATTRIBUTE_OR_VALUE_EXISTS = 0x200d;
    /// The object breaks the rules of its class.
    ERROR_DS_OBJ_CLASS_VIOLATION = 0x2014;
    /// Only an object without children can be deleted.
    ERROR_DS_CANT_ON_NON_LEAF = 0x2015;
    /// Not on the naming attribute.
    ERROR_DS_CANT_ON_RDN = 0x2016;
    /// The class of an object cannot be changed.
    ERROR_DS_CANT_MOD_OBJ_CLASS = 0x2017;
    /// The directory could not do it.
    ERROR_DS_OPERATIONS_ERROR = 0x2020;
    /// The server does not know a critical control.
    ERROR_DS_UNAVAILABLE_CRIT_EXTENSION = 0x202c;
    /// The connection must be encrypted. (PR 14.1 prints this name with 0x2077, which `winerror.h` gives to
    /// [`Self::ERROR_DS_ILLEGAL_MOD_OPERATION`].)
    ERROR_DS_CONFIDENTIALITY_REQUIRED = 0x202d;
    /// The value breaks a constraint.
    ERROR_DS_CONSTRAINT_VIOLATION = 0x202f;
    /// The server refuses.
    ERROR_DS_UNWILLING_TO_PERFORM = 0x2035;
    /// The object exists already.
    ERROR_DS_OBJ_STRING_NAME_EXISTS = 0x2071;
    /// The attribute may not be changed.
    ERROR_DS_ILLEGAL_MOD_OPERATION = 0x2077;
    /// An attribute that the class requires is missing.
    ERROR_DS_MISSING_REQUIRED_ATT = 0x207c;
    /// The class does not have the attribute.
    ERROR_DS_ATT_NOT_DEF_FOR_CLASS = 0x207d;
    /// More than one value.
    ERROR_DS_SINGLE_VALUE_CONSTRAINT = 0x2081;
    /// A value outside of its range.
    ERROR_DS_RANGE_CONSTRAINT = 0x2082;
    /// The object above does not exist.
    ERROR_DS_NO_PARENT_OBJECT = 0x2089;
    /// The object has children.
    ERROR_DS_CHILDREN_EXIST = 0x208c;
    /// No such object.
    ERROR_DS_OBJ_NOT_FOUND = 0x208d;
    /// The name is malformed.
    ERROR_DS_BAD_NAME_SYNTAX = 0x208f;
    /// Not enough rights.
    ERROR_DS_INSUFF_ACCESS_RIGHTS = 0x2098;
    /// The object may not stand below this one.
    ERROR_DS_ILLEGAL_SUPERIOR = 0x2099;
    /// Only the system may change the attribute.
    ERROR_DS_ATTRIBUTE_OWNED_BY_SAM = 0x209a;
    /// The name is too long.
    ERROR_DS_NAME_TOO_LONG = 0x209c;
    /// Only the system may set the attribute.
    ERROR_DS_CANT_MOD_SYSTEM_ONLY = 0x20b1;
    /// The class is not in the schema.
    ERROR_DS_OBJ_CLASS_NOT_DEFINED = 0x20b3;
    /// The object may not be deleted.
    ERROR_DS_CANT_DELETE = 0x20ce;
    /// The right to replicate is missing.
    ERROR_DS_DRA_ACCESS_DENIED = 0x2105;
    /// The attribute is computed and cannot be written.
    ERROR_DS_CONSTRUCTED_ATT_MOD = 0x211b;
    /// The service principal name is in use in the forest.
    ERROR_DS_SPN_VALUE_NOT_UNIQUE_IN_FOREST = 0x21c7;
    /// The user principal name is in use in the forest.
    ERROR_DS_UPN_VALUE_NOT_UNIQUE_IN_FOREST = 0x21c8;
}

impl fmt::Display for Win32Error {
    /// As directories print it: eight upper-case hexadecimal digits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08X}", self.0)
    }
}

impl fmt::Debug for Win32Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Win32Error({self}, {})", self.name().unwrap_or("unnamed"))
    }
}

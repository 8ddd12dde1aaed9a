//! One number holds most of an account's state, and its bits have names (PR 16.4).

bit_flags! {
    /// The bits of `userAccountControl` and of `msDS-User-Account-Control-Computed`.
    UserAccountControl: u32 {
        /// The account is disabled.
        ACCOUNT_DISABLED = 0x2;
        /// A home directory is required.
        HOME_DIRECTORY_REQUIRED = 0x8;
        /// Locked out: reliable only in the computed attribute.
        LOCKOUT = 0x10;
        /// No password is needed (not reliable).
        PASSWORD_NOT_REQUIRED = 0x20;
        /// The user may not change the password (not reliable: an ACE decides).
        PASSWORD_CANT_CHANGE = 0x40;
        /// The password is kept so that it can be read back.
        ENCRYPTED_TEXT_PASSWORD_ALLOWED = 0x80;
        /// An ordinary account.
        NORMAL_ACCOUNT = 0x200;
        /// A trust to another domain.
        INTERDOMAIN_TRUST_ACCOUNT = 0x800;
        /// A member computer; group managed service accounts have it too.
        WORKSTATION_TRUST_ACCOUNT = 0x1000;
        /// A domain controller.
        SERVER_TRUST_ACCOUNT = 0x2000;
        /// The password never expires.
        DONT_EXPIRE_PASSWORD = 0x1_0000;
        /// Sign-in only by smart card.
        SMARTCARD_REQUIRED = 0x4_0000;
        /// Trusted for unconstrained delegation.
        TRUSTED_FOR_DELEGATION = 0x8_0000;
        /// May not be delegated.
        NOT_DELEGATED = 0x10_0000;
        /// Kerberos with DES keys only.
        USE_DES_KEY_ONLY = 0x20_0000;
        /// Kerberos without pre-authentication.
        DONT_REQUIRE_PREAUTH = 0x40_0000;
        /// The password has expired: only in the computed attribute.
        PASSWORD_EXPIRED = 0x80_0000;
        /// May authenticate for delegation (protocol transition).
        TRUSTED_TO_AUTHENTICATE_FOR_DELEGATION = 0x100_0000;
        /// A read-only domain controller.
        PARTIAL_SECRETS_ACCOUNT = 0x400_0000;
    }
}

impl UserAccountControl {
    /// Reads the decimal text that LDAP carries. AD's integers are signed, so a negative number is read too.
    pub fn from_ldap(text: &str) -> Option<Self> {
        text.parse::<i32>()
            .ok()
            .map(|value| UserAccountControl(value as u32))
    }

    /// The decimal text that LDAP carries.
    pub fn to_ldap(self) -> String {
        (self.0 as i32).to_string()
    }

    /// Whether the account is disabled.
    pub const fn is_disabled(self) -> bool {
        self.contains(Self::ACCOUNT_DISABLED)
    }

    /// Whether a password of this account never expires (PR 16.4): by its own bit, by smart card, or as a trust account.
    pub const fn password_never_expires(self) -> bool {
        self.intersects(Self(
            Self::DONT_EXPIRE_PASSWORD.0
                | Self::SMARTCARD_REQUIRED.0
                | Self::INTERDOMAIN_TRUST_ACCOUNT.0
                | Self::WORKSTATION_TRUST_ACCOUNT.0
                | Self::SERVER_TRUST_ACCOUNT.0,
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::UserAccountControl as Uac;

    #[test]
    fn ldap_text_is_signed_decimal() {
        assert_eq!(
            Uac::from_ldap("514"),
            Some(Uac::NORMAL_ACCOUNT | Uac::ACCOUNT_DISABLED)
        );
        assert_eq!(Uac::from_ldap("-2147483648"), Some(Uac(0x8000_0000)));
        assert_eq!(Uac(0x8000_0000).to_ldap(), "-2147483648");
        assert_eq!(Uac::from_ldap("4294967296"), None);
        assert_eq!(Uac::from_ldap(""), None);
    }

    #[test]
    fn bits_combine() {
        let disabled = Uac::NORMAL_ACCOUNT | Uac::ACCOUNT_DISABLED;
        assert!(disabled.is_disabled());
        assert!(!disabled.without(Uac::ACCOUNT_DISABLED).is_disabled());
        assert!(!disabled.password_never_expires());
        assert!(Uac::WORKSTATION_TRUST_ACCOUNT.password_never_expires());
        assert_eq!(disabled.bits(), 514);
    }
}

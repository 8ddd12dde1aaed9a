//! Sign-in failures are recognised by their AADSTS number and looked up by their words, so both are the product's (PR 3.3).

/// One sign-in error: number, OAuth `error`, text with `{placeholders}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AadSts {
    /// The number after `AADSTS`.
    pub code: u32,
    /// OAuth `error` value.
    pub error: &'static str,
    /// HTTP status of the answer.
    pub status: u16,
    /// The product's text; `{…}` is filled in by [`AadSts::describe`].
    pub text: &'static str,
}

const fn row(code: u32, error: &'static str, status: u16, text: &'static str) -> AadSts {
    AadSts {
        code,
        error,
        status,
        text,
    }
}

/// The errors of PR 3.3 and a few that the documented grants need besides, by number.
pub static AADSTS: [AadSts; 33] = [
    row(
        50001,
        "invalid_resource",
        400,
        "The application named {resource} was not found in the tenant named {tenant}. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant. You might have sent your authentication request to the wrong tenant.",
    ),
    row(
        50011,
        "invalid_request",
        400,
        "The redirect URI '{redirectUri}' specified in the request does not match the redirect URIs configured for the application '{appId}'. Make sure the redirect URI sent in the request matches one added to your application in the Azure portal.",
    ),
    row(
        50034,
        "invalid_grant",
        400,
        "The user account {user} does not exist in the {tenant} directory. To sign into this application, the account must be added to the directory.",
    ),
    row(
        50053,
        "invalid_grant",
        400,
        "The account is locked, you've tried to sign in too many times with an incorrect user ID or password.",
    ),
    row(50055, "invalid_grant", 400, "The password is expired."),
    row(
        50056,
        "invalid_grant",
        400,
        "Invalid or null password: password does not exist in the directory for this user.",
    ),
    row(50057, "invalid_grant", 400, "The user account is disabled."),
    row(
        50059,
        "invalid_request",
        400,
        "No tenant-identifying information found in either the request or implied by any provided credentials.",
    ),
    row(
        50076,
        "invalid_grant",
        400,
        "Due to a configuration change made by your administrator, or because you moved to a new location, you must use multi-factor authentication to access '{resource}'.",
    ),
    row(
        50079,
        "invalid_grant",
        400,
        "Due to a configuration change made by your administrator, or because you moved to a new location, you must enroll in multi-factor authentication to access '{resource}'.",
    ),
    row(
        50126,
        "invalid_grant",
        400,
        "Error validating credentials due to invalid username or password.",
    ),
    row(
        53003,
        "invalid_grant",
        400,
        "Access has been blocked by Conditional Access policies. The access policy does not allow token issuance.",
    ),
    row(
        54005,
        "invalid_grant",
        400,
        "OAuth2 Authorization code was already redeemed, please retry with a new valid code or use an existing refresh token.",
    ),
    row(
        65001,
        "invalid_grant",
        400,
        "The user or administrator has not consented to use the application with ID '{appId}' named '{appName}'. Send an interactive authorization request for this user and resource.",
    ),
    row(
        70000,
        "invalid_grant",
        400,
        "The provided value for the '{parameter}' parameter is not valid.",
    ),
    row(
        70003,
        "unsupported_grant_type",
        400,
        "The app requested an unsupported grant type '{grantType}'.",
    ),
    row(
        70008,
        "invalid_grant",
        400,
        "The provided authorization code or refresh token has expired due to inactivity. Send a new interactive authorization request for this user and resource.",
    ),
    row(
        70011,
        "invalid_scope",
        400,
        "The provided request must include a 'scope' input parameter. The provided value for the input parameter 'scope' is not valid. The scope {scope} is not valid.",
    ),
    row(
        70016,
        "authorization_pending",
        400,
        "OAuth 2.0 device flow error. Authorization is pending. Continue polling.",
    ),
    row(
        70018,
        "bad_verification_code",
        400,
        "Invalid verification code due to User typing in wrong user code for device code flow.",
    ),
    row(70019, "expired_token", 400, "Verification code expired."),
    row(
        90002,
        "invalid_request",
        400,
        "Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud. Check with your subscription administrator, this may happen if there are no active subscriptions for the tenant.",
    ),
    row(
        90038,
        "invalid_request",
        400,
        "The specified tenant '{tenant}' belongs to the National Cloud '{cloud}'. Current cloud instance '{instance}' does not federate with {cloud}.",
    ),
    row(
        500_011,
        "invalid_resource",
        400,
        "The resource principal named {resource} was not found in the tenant named {tenant}. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant. You might have sent your authentication request to the wrong tenant.",
    ),
    row(
        501_481,
        "invalid_grant",
        400,
        "The Code_Verifier does not match the code_challenge supplied in the authorization request.",
    ),
    row(
        700_016,
        "unauthorized_client",
        400,
        "Application with identifier '{appId}' was not found in the directory '{tenant}'. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant. You may have sent your authentication request to the wrong tenant.",
    ),
    row(
        700_027,
        "invalid_client",
        401,
        "Client assertion failed signature validation.",
    ),
    row(
        700_082,
        "invalid_grant",
        400,
        "The refresh token has expired due to inactivity. The token was issued on {issued} and was inactive for {inactive}.",
    ),
    row(
        900_144,
        "invalid_request",
        400,
        "The request body must contain the following parameter: '{parameter}'.",
    ),
    row(
        7_000_215,
        "invalid_client",
        401,
        "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID, for a secret added to app '{appId}'.",
    ),
    row(
        7_000_218,
        "invalid_client",
        401,
        "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.",
    ),
    row(
        7_000_222,
        "invalid_client",
        401,
        "The provided client secret keys for app '{appId}' are expired. Visit the Azure portal to create new keys for your app: https://aka.ms/NewClientSecret, or consider using certificate credentials for added security: https://aka.ms/certCreds.",
    ),
    row(
        9_002_313,
        "invalid_request",
        400,
        "Invalid request. Request is malformed or invalid.",
    ),
];

impl AadSts {
    /// The row of a number.
    #[must_use]
    pub fn by_code(code: u32) -> Option<&'static Self> {
        AADSTS.iter().find(|row| row.code == code)
    }

    /// `AADSTS50126: …` with the placeholders replaced by `values`; one without a value stays as it is.
    #[must_use]
    pub fn describe(&self, values: &[(&str, &str)]) -> String {
        let mut text = String::with_capacity(self.text.len() + 32);
        let mut rest = self.text;
        while let Some((before, after)) = rest.split_once('{') {
            text.push_str(before);
            let Some((name, tail)) = after.split_once('}') else {
                text.push('{');
                rest = after;
                continue;
            };
            match values.iter().find(|(known, _)| *known == name) {
                Some((_, value)) => text.push_str(value),
                None => text.extend(["{", name, "}"]),
            }
            rest = tail;
        }
        text.push_str(rest);
        format!("AADSTS{}: {text}", self.code)
    }
}

#[cfg(test)]
mod tests {
    use super::{AADSTS, AadSts};

    #[test]
    fn the_table_is_ordered_and_holds_the_rows_of_the_reference() {
        assert!(AADSTS.windows(2).all(|pair| pair[0].code < pair[1].code));
        for (code, error) in [
            (50126, "invalid_grant"),
            (50034, "invalid_grant"),
            (50053, "invalid_grant"),
            (50055, "invalid_grant"),
            (50056, "invalid_grant"),
            (50057, "invalid_grant"),
            (50076, "invalid_grant"),
            (50079, "invalid_grant"),
            (53003, "invalid_grant"),
            (65001, "invalid_grant"),
            (70008, "invalid_grant"),
            (700_082, "invalid_grant"),
            (70016, "authorization_pending"),
            (700_016, "unauthorized_client"),
            (7_000_215, "invalid_client"),
            (7_000_222, "invalid_client"),
            (90002, "invalid_request"),
            (900_144, "invalid_request"),
            (50001, "invalid_resource"),
            (500_011, "invalid_resource"),
        ] {
            assert_eq!(AadSts::by_code(code).map(|row| row.error), Some(error), "{code}");
        }
        assert_eq!(AadSts::by_code(1), None);
    }

    #[test]
    fn placeholders_are_filled_and_values_are_not_expanded_again() {
        let row = AadSts::by_code(90002).expect("in the table");
        let text = row.describe(&[("tenant", "{tenant}.example")]);
        assert!(
            text.starts_with("AADSTS90002: Tenant '{tenant}.example' not found."),
            "{text}"
        );
        assert!(row.describe(&[]).contains("'{tenant}'"));
        assert_eq!(
            AadSts::by_code(50055).expect("in the table").describe(&[]),
            "AADSTS50055: The password is expired."
        );
    }
}

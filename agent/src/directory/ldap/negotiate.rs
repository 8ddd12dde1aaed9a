//! A connection that a SASL bind seals: in clear until then, and nothing but that bind is ever said in clear.

use std::time::Duration;

use provlab_platform::{Endpoint, Platform};
use provlab_protocol::ldap::answer;

use super::client::{LDAP_PORT, LdapConnection, timed_out};
use super::error::LdapError;
use super::message::Request;
use crate::directory::kerberos::{Initiator, MECHANISM};

impl LdapConnection {
    /// Connects to `server` on port 389, logs on by Kerberos and seals the connection (RFC 4513 section 5.2).
    ///
    /// # Errors
    /// When the server cannot be reached, refuses the logon, or is not the one that the ticket is for.
    pub async fn open_negotiated(
        platform: &Platform,
        server: &str,
        initiator: Initiator,
        timeout: Duration,
    ) -> Result<Self, LdapError> {
        let endpoint = Endpoint::new(server, LDAP_PORT);
        let stream = platform
            .clock
            .timeout(timeout, platform.net.connect(&endpoint))
            .await
            .map_err(|_| timed_out(&endpoint, "connect", timeout))??;
        let mut connection = Self::over(stream, endpoint, platform.clock.clone(), timeout);
        let request = Request::Negotiate {
            mechanism: MECHANISM,
            token: initiator.token(),
        };
        let (outcome, _) = connection.exchange("bind", &request, &[], answer::BIND).await?;
        // Bytes sent ahead of the first sealed message are somebody else's words in our session.
        if connection.has_unread() {
            return Err(connection.violation("data in clear after the answer to the bind".to_owned()));
        }
        let context = initiator
            .finish(&outcome.server_credentials)
            .map_err(|error| connection.violation(error.to_string()))?;
        Ok(connection.sealed_by(context))
    }
}

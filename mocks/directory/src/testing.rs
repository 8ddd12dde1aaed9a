//! A small forest and its doors for unit tests.

use std::sync::Arc;

use provlab_platform::Entropy;
use provlab_protocol::ber::Writer;
use provlab_protocol::filetime::{FileTime, TICKS_PER_DAY};
use provlab_protocol::ldap;

use crate::access::Token;
use crate::config::{AccountConfig, ComputerConfig, Config};
use crate::directory::Directory;
use crate::model::{Context, Object};

/// 2024-01-17 21:20 UTC, the moment of the reference's GKDI example.
pub(crate) const NOW: FileTime = FileTime(133_500_000_000_000_000);
/// The password of `alice`.
pub(crate) const PASSWORD: &str = "Wonder-2026";

/// `contoso.com` with `alice` and the computer `HOST1$`; passwords lock after three wrong ones.
pub(crate) fn forest() -> Directory {
    let mut config = Config::new("contoso.com", "CONTOSO", "Adm1n-of-the-Lab".into());
    config.password_policy.lockout_threshold = 3;
    config.accounts.push(AccountConfig::new("alice", PASSWORD.into()));
    config.computers.push(ComputerConfig {
        name: "host1".to_owned(),
        password: "h0st-1-machine-password".into(),
        container: None,
    });
    let created = NOW.minus_ticks(10 * TICKS_PER_DAY);
    let forest = crate::naming::build(&config, created, &Entropy::seeded(1));
    forest.expect("the forest of the tests is well-formed")
}

/// The circumstances of an operation by `token` over a sealed connection.
pub(crate) fn context(token: Token, now: FileTime) -> Context {
    Context {
        token: Arc::new(token),
        now,
        sealed: true,
        entropy: Entropy::seeded(2),
    }
}

/// The account with this sAMAccountName.
pub(crate) fn account<'a>(directory: &'a Directory, name: &str) -> &'a Object {
    let found = directory.by_sam_account_name(name);
    found.expect("the forest of the tests has the account")
}

/// A request with message id 7, whose operation `body` writes from its last field to its first.
pub(crate) fn ldap_request(tag: u8, body: impl FnOnce(&mut Writer)) -> Vec<u8> {
    let mut writer = Writer::new();
    ldap::write_message(&mut writer, 7, &[], |out| out.constructed(tag, body));
    writer.as_slice().to_vec()
}

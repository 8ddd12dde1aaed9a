//! `host.json`: which server this is, whom it can reach, and whom it trusts.

use std::collections::BTreeMap;
use std::io::Read;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use provlab_platform::crypto::CryptoPolicy;
use provlab_platform::files::RealFiles;
use provlab_platform::net::real::{NameTable, RealNet, Trust};
use provlab_platform::{Clock, Crypto, Entropy, Platform, Trace};
use secrecy::SecretString;
use serde::Deserialize;
use thiserror::Error;

use super::arguments::Events;
use crate::host::{ComputerAccount, HostFacts, HostMachine, HostPolicies};
use crate::trust::{CERTIFICATE, block};

/// Largest host file and CA file that is read.
pub(super) const MAX_HOST_BYTES: usize = 1024 * 1024;
/// How often a process looks whether another one changed the service database.
const POLL: Duration = Duration::from_millis(100);

/// The host file cannot be used.
#[derive(Debug, Error)]
pub(super) enum HostFileError {
    /// Not readable, or too large.
    #[error("{}: {detail}", file.display())]
    File { file: PathBuf, detail: String },
    /// Not the words of a host file.
    #[error("{}: {error}", file.display())]
    Malformed { file: PathBuf, error: serde_json::Error },
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct HostFile {
    /// Fully qualified name of the server.
    host: String,
    computer: Computer,
    /// Domain controllers by domain, in the DC locator's order.
    domain_controllers: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    policies: HostPolicies,
    #[serde(default)]
    facts: HostFacts,
    /// The FIPS policy of the server.
    #[serde(default)]
    fips: bool,
    /// How many times shorter than the product's the agent's pauses are.
    #[serde(default)]
    speed: Option<NonZeroU32>,
    /// Every name that the server can resolve.
    network: NameTable,
    /// PEM file of the authority that it trusts.
    ca_file: PathBuf,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Computer {
    name: String,
    domain: String,
    netbios: String,
    password: SecretString,
}

/// Reads a file that must not be longer than `limit`.
pub(super) fn read_bounded(file: &Path, limit: usize) -> Result<Vec<u8>, HostFileError> {
    let fail = |detail: String| HostFileError::File {
        file: file.to_owned(),
        detail,
    };
    let mut bytes = Vec::new();
    let most = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    std::fs::File::open(file)
        .and_then(|opened| opened.take(most).read_to_end(&mut bytes))
        .map_err(|error| fail(error.to_string()))?;
    if bytes.len() > limit {
        return Err(fail(format!("more than {limit} bytes")));
    }
    Ok(bytes)
}

/// Opens the host that `file` describes, with its files under `root`.
pub(super) fn open(file: &Path, root: &Path, events: Events) -> Result<HostMachine, HostFileError> {
    let described: HostFile =
        serde_json::from_slice(&read_bounded(file, MAX_HOST_BYTES)?).map_err(|error| {
            HostFileError::Malformed {
                file: file.to_owned(),
                error,
            }
        })?;
    let ca_file = file.parent().unwrap_or(root).join(&described.ca_file);
    let bad_authority = |detail: String| HostFileError::File {
        file: ca_file.clone(),
        detail,
    };
    let pem = read_bounded(&ca_file, MAX_HOST_BYTES)?;
    let der =
        block(&pem, CERTIFICATE).ok_or_else(|| bad_authority("no certificate in PEM form".to_owned()))?;
    let trust = Trust::of_roots([&der.to_vec().into()]).map_err(|error| bad_authority(error.to_string()))?;
    let clock = Clock::system();
    let trace = match events {
        Events::None => Trace::discard(),
        Events::Json => Trace::json_lines(std::io::stdout()),
    };
    let trace = trace.with_clock(&clock).for_host(&described.host);
    let platform = Platform {
        net: Arc::new(RealNet::new(
            &described.host,
            described.network,
            trust,
            &clock,
            &trace,
        )),
        entropy: Entropy::system(),
        crypto: Crypto::real(CryptoPolicy { fips: described.fips }),
        files: Arc::new(RealFiles::new(root)),
        host: described.host,
        clock,
        trace,
    };
    let computer = ComputerAccount {
        name: described.computer.name,
        domain: described.computer.domain,
        netbios: described.computer.netbios,
        password: described.computer.password,
    };
    let mut host = HostMachine::new(platform, computer, described.domain_controllers, Some(POLL));
    host.policies = described.policies;
    host.facts = described.facts;
    host.speed = described.speed.map_or(1, NonZeroU32::get);
    Ok(host)
}

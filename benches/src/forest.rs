//! A directory of one domain with a population out of the seeded generator.

use std::sync::Arc;

use provlab_directory::access::Token;
use provlab_directory::config::PopulationConfig;
use provlab_directory::directory::Context;
use provlab_directory::dirsync::MAX_OBJECTS;
use provlab_directory::filter::Filter;
use provlab_directory::model::{
    Attribute, DirSyncQuery, ModifyOperation, ModifyRequest, PageQuery, Scope, SearchRequest,
};
use provlab_directory::{Config, Directory, naming};
use provlab_entra::engine::requested_attributes;
use provlab_platform::Entropy;
use provlab_protocol::dirsync::DirSyncFlags;
use provlab_protocol::dn::Dn;
use provlab_protocol::filetime::FileTime;

use crate::SEED;

/// The domain of every benchmark.
pub const DOMAIN: &str = "contoso.com";
/// The account that reads it, and what it signs on with. Neither exists anywhere else.
pub const ADMINISTRATOR: &str = "CONTOSO\\Administrator";
/// See [`ADMINISTRATOR`].
pub const PASSWORD: &str = "Bench-only-1";
/// The moment at which everything happens: 2024-01-17 21:20 UTC.
pub const NOW: FileTime = FileTime(133_500_000_000_000_000);
/// Whom an agent synchronizes: users that are no computers.
pub const PEOPLE: &str = "(&(objectClass=user)(!(objectClass=computer)))";

/// A forest of one domain with this many people in `OU=Staff` and a group for every twenty of them.
///
/// # Panics
/// Never, unless the generator is broken.
#[must_use]
pub fn forest(users: u32) -> Directory {
    let mut config = Config::new(DOMAIN, "CONTOSO", PASSWORD.into());
    config.populations.push(PopulationConfig {
        users,
        groups: None,
        seed: SEED,
        organizational_unit: "OU=Staff".to_owned(),
        upn_suffix: None,
        prefix: String::new(),
    });
    naming::build(&config, NOW, &Entropy::seeded(SEED)).expect("the configuration is fixed and well-formed")
}

/// An operation by the domain controller itself, so that access checks cost what they cost a privileged reader.
#[must_use]
pub fn context() -> Context {
    Context {
        token: Arc::new(Token::system()),
        now: NOW,
        sealed: true,
        entropy: Entropy::seeded(SEED),
    }
}

/// Reads a filter that is written in a benchmark.
///
/// # Panics
/// If it is no filter.
#[must_use]
pub fn filter(text: &str) -> Filter {
    text.parse().expect("filters of the benchmarks are well-formed")
}

/// A search from the domain's head for the attributes that a cloud sync job asks for (CS 5.10).
#[must_use]
pub fn search(directory: &Directory, wanted: Filter) -> SearchRequest {
    let mut request = SearchRequest::new(directory.identity().domain_dn(), Scope::Subtree, wanted);
    request.attributes = requested_attributes();
    request
}

/// The first page of [`search`], as large as Active Directory makes them.
#[must_use]
pub fn first_page(directory: &Directory) -> SearchRequest {
    let mut request = search(directory, filter(PEOPLE));
    request.page = Some(PageQuery {
        size: 1_000,
        after: None,
    });
    request
}

/// The people that changed since `cookie`, in one DirSync answer.
#[must_use]
pub fn changes(directory: &Directory, cookie: Vec<u8>) -> SearchRequest {
    let mut request = search(directory, filter(PEOPLE));
    request.dir_sync = Some(DirSyncQuery {
        flags: DirSyncFlags::INCREMENTAL_VALUES.with(DirSyncFlags::ANCESTORS_FIRST_ORDER),
        max_bytes: 0,
        cookie,
    });
    request
}

/// The cookie of a client that knows the whole directory.
///
/// # Panics
/// If the directory refuses DirSync.
#[must_use]
pub fn latest_cookie(directory: &Directory) -> Vec<u8> {
    let mut cookie = Vec::new();
    loop {
        let answer = directory.search(&context(), &changes(directory, cookie));
        let outcome = answer.expect("the system may replicate");
        let dir_sync = outcome.dir_sync.expect("DirSync was asked for");
        assert!(outcome.entries.len() <= MAX_OBJECTS, "pages are bounded");
        cookie = dir_sync.cookie;
        if !dir_sync.more_results {
            return cookie;
        }
    }
}

/// The names of the generated people, in the order of their creation.
#[must_use]
pub fn people(directory: &Directory) -> Vec<Dn> {
    let staff = format!(",OU=Staff,{}", directory.identity().domain_dn());
    let all = directory.database().iter();
    all.filter(|object| directory.is_a(object, "user"))
        .map(|object| directory.dn_text(object))
        .filter(|name| name.ends_with(&staff))
        .filter_map(|name| name.parse().ok())
        .collect()
}

/// Moves the first `count` people to another city, one modify each.
///
/// # Panics
/// If the directory refuses one.
pub fn relocate(directory: &mut Directory, count: usize, city: &str) {
    for dn in people(directory).into_iter().take(count) {
        let attribute = Attribute::new("l", &[city]);
        let request = ModifyRequest::single(dn, ModifyOperation::Replace, attribute);
        // Nothing outlives a benchmark, so there is nothing to make the change durable in.
        let _change = directory
            .modify(&context(), &request)
            .expect("the system may write to users");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn populations_have_their_size_and_deltas_follow_the_changes() {
        let mut directory = forest(60);
        assert_eq!(people(&directory).len(), 60);
        let cookie = latest_cookie(&directory);
        relocate(&mut directory, 7, "Ockham");
        let delta = changes(&directory, cookie);
        let found = directory.search(&context(), &delta).expect("replicates").entries;
        assert_eq!(found.len(), 7);
    }
}

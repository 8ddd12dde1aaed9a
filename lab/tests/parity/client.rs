//! Carries operations out through the stock `ldap3` crate.

use std::collections::HashSet;

use ldap3::{Ldap, LdapResult, Mod, SearchOptions, SearchResult, exop::Exop};

use crate::{
    mask::Masks,
    observation::{Observation, Seen, Show},
    operation::{Change, ChangeKind, Operation, Request},
    server::LIMIT,
};

/// Carries one operation out.
///
/// # Errors
/// The connection failed before the request; whatever the server answers is an observation.
pub async fn perform(
    ldap: &mut Ldap,
    request: &Request,
    masks: &Masks,
    show: Show,
    keep: impl Fn(&Seen) -> bool,
) -> Result<Observation, String> {
    ldap.with_timeout(LIMIT);
    if !request.controls.is_empty() {
        ldap.with_controls(request.controls.clone());
    }
    let result: Result<LdapResult, ldap3::LdapError> = match &request.operation {
        Operation::Bind { name, password } => ldap.simple_bind(name, password).await,
        Operation::Add { dn, attributes } => {
            let attributes = attributes
                .iter()
                .map(|(name, values)| (name.clone().into_bytes(), set(values)))
                .collect();
            ldap.add(dn, attributes).await
        }
        Operation::Modify { dn, changes } => {
            ldap.modify(dn, changes.iter().map(modification).collect()).await
        }
        Operation::Delete { dn } => ldap.delete(dn).await,
        Operation::Rename {
            dn,
            new_rdn,
            keep_old,
            superior,
        } => ldap.modifydn(dn, new_rdn, !keep_old, superior.as_deref()).await,
        Operation::Compare { dn, attribute, value } => {
            ldap.compare(dn, attribute, value).await.map(|result| result.0)
        }
        Operation::Extended { oid } => {
            let exop = Exop {
                name: Some(oid.clone()),
                val: None,
            };
            ldap.extended(exop).await.map(|result| result.1)
        }
        Operation::Search(search) => {
            ldap.with_search_options(
                SearchOptions::new()
                    .sizelimit(search.size_limit)
                    .typesonly(search.types_only),
            );
            let found = ldap
                .search(&search.base, search.scope, &search.filter, &search.attributes)
                .await;
            let SearchResult(entries, result) = match found {
                Ok(found) => found,
                // The client's driver has given up on what the server sent.
                Err(ldap3::LdapError::EndOfStream) => return Ok(Observation::lost()),
                Err(error) => return Err(error.to_string()),
            };
            let mut seen = Observation::of(&result, masks);
            seen.take(entries, masks, show, keep);
            return Ok(seen);
        }
    };
    match result {
        Ok(result) => Ok(Observation::of(&result, masks)),
        // The server has ended the connection instead of an answer.
        Err(ldap3::LdapError::ResultRecv { .. }) => Ok(Observation::lost()),
        Err(error) => Err(error.to_string()),
    }
}

fn set(values: &[Vec<u8>]) -> HashSet<Vec<u8>> {
    values.iter().cloned().collect()
}

fn modification(change: &Change) -> Mod<Vec<u8>> {
    let (name, values) = (change.attribute.clone().into_bytes(), set(&change.values));
    match change.kind {
        ChangeKind::Add => Mod::Add(name, values),
        ChangeKind::Delete => Mod::Delete(name, values),
        ChangeKind::Replace => Mod::Replace(name, values),
    }
}

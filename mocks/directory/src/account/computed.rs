//! Constructed attributes of accounts: made when asked for, never stored (PR 16.4, PR 14.1).

use super::attributes;
use super::policy::{self, Policy};
use super::state;
use crate::directory::Directory;
use crate::gmsa;
use crate::model::{Context, LdapError, Object};

/// The values of a constructed attribute of `object`, or `None` where it has none for this caller.
///
/// Knows `msDS-UserPasswordExpiryTimeComputed`, `msDS-User-Account-Control-Computed`, `msDS-ResultantPSO`,
/// `tokenGroups` and `msDS-ManagedPassword`; `name` is in any case.
///
/// # Errors
/// `msDS-ManagedPassword` on a connection that is not sealed is an operations error (PR 14.1).
pub fn attribute(
    directory: &Directory,
    context: &Context,
    object: &Object,
    name: &str,
) -> Result<Option<Vec<Vec<u8>>>, LdapError> {
    if !attributes::has_class(object, "user") {
        return Ok(None);
    }
    let one = |value: String| Some(vec![value.into_bytes()]);
    Ok(match name.to_ascii_lowercase().as_str() {
        "msds-managedpassword" => gmsa::managed_password(directory, context, object)?.map(|blob| vec![blob]),
        "msds-userpasswordexpirytimecomputed" => {
            let policy = Policy::of(directory, object);
            one(state::password_expiry(object, &policy).0.to_string())
        }
        "msds-user-account-control-computed" => {
            let policy = Policy::of(directory, object);
            one(state::computed_flags(object, &policy, context.now).to_ldap())
        }
        "msds-resultantpso" => {
            policy::resultant(directory, object).and_then(|pso| one(directory.dn_text(pso)))
        }
        "tokengroups" => {
            // Those of the account itself: what everybody is in by a well-known SID is no part of it.
            let groups = directory.groups_of(object).into_iter();
            let sids = groups.filter_map(|group| directory.sid(directory.get(group)?));
            Some(sids.map(|sid| sid.to_bytes()).collect())
        }
        _ => None,
    })
}

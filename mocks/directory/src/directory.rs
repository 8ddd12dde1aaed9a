//! One domain controller: its database, who it is, and the operations that clients ask of it.

use std::collections::BTreeSet;

use provlab_protocol::dn::Dn;
use provlab_protocol::filetime::FileTime;
use provlab_protocol::guid::Guid;
use provlab_protocol::sid::Sid;
use serde::{Deserialize, Serialize};

use crate::database::{Database, Resolved};
use crate::model::{
    AddRequest, DeleteRequest, Dnt, ModifyRequest, Object, RenameRequest, SearchOutcome, SearchRequest, Value,
};
pub use crate::model::{Change, Context, LdapError, ResultCode};
use crate::schema::{AttributeId, Schema, Syntax};

/// Who a domain controller is and what it serves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Identity {
    /// DNS name of the domain, such as `contoso.com`.
    pub domain: String,
    /// NetBIOS name of the domain, such as `CONTOSO`.
    pub netbios_name: String,
    /// SID of the domain.
    pub domain_sid: Sid,
    /// Fully qualified names of the domain controllers; the first holds every operations-master role.
    pub domain_controllers: Vec<String>,
    /// Name of the site that the domain controllers are in.
    pub site: String,
    /// `invocationId` of this database: what its USNs belong to (PR 15.1).
    pub invocation_id: Guid,
    /// When the forest was made.
    pub created: FileTime,
}

impl Identity {
    /// `DC=contoso,DC=com`.
    #[must_use]
    pub fn domain_dn(&self) -> Dn {
        Dn::from_dns(&self.domain).unwrap_or_default()
    }

    /// `CN=Configuration,DC=contoso,DC=com`.
    #[must_use]
    pub fn configuration_dn(&self) -> Dn {
        below("CN=Configuration", &self.domain_dn())
    }

    /// `CN=Schema,CN=Configuration,DC=contoso,DC=com`.
    #[must_use]
    pub fn schema_dn(&self) -> Dn {
        below("CN=Schema", &self.configuration_dn())
    }

    /// The domain controller that answers: the first one.
    #[must_use]
    pub fn dns_host_name(&self) -> &str {
        self.domain_controllers
            .first()
            .map_or(self.domain.as_str(), String::as_str)
    }

    /// The server object of a domain controller in the Configuration naming context.
    #[must_use]
    pub fn server_dn(&self, host: &str) -> Dn {
        let computer = host.split('.').next().unwrap_or(host).to_uppercase();
        below(
            &format!("CN={computer},CN=Servers,CN={},CN=Sites", self.site),
            &self.configuration_dn(),
        )
    }

    /// `dsServiceName`: the nTDSDSA object of the domain controller that answers.
    #[must_use]
    pub fn ds_service_name(&self) -> Dn {
        below("CN=NTDS Settings", &self.server_dn(self.dns_host_name()))
    }
}

/// A name below another; the root if it is malformed.
pub(crate) fn below(relative: &str, parent: &Dn) -> Dn {
    format!("{relative},{parent}").parse().unwrap_or_default()
}

/// One domain controller's copy of its domain, Configuration and Schema naming contexts.
///
/// Pure: it is told the time and given randomness, and it hands back what changed. Every writing operation is
/// all or nothing; its [`Change`] goes to [`persist`](crate::persist) before the client is answered, or to
/// [`revert`](Self::revert) where that fails.
#[derive(Clone, Debug)]
pub struct Directory {
    pub(crate) database: Database,
    identity: Identity,
}

impl Directory {
    /// A directory with an existing database.
    #[must_use]
    pub fn new(identity: Identity, database: Database) -> Self {
        Self { database, identity }
    }

    /// Who this domain controller is.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// The schema.
    #[must_use]
    pub fn schema(&self) -> &'static Schema {
        Schema::get()
    }

    /// The rows and indexes.
    #[must_use]
    pub fn database(&self) -> &Database {
        &self.database
    }

    /// `highestCommittedUSN`.
    #[must_use]
    pub fn highest_committed_usn(&self) -> u64 {
        self.database.counters().usn
    }

    /// The object with this tag.
    #[must_use]
    pub fn get(&self, dnt: Dnt) -> Option<&Object> {
        self.database.get(dnt)
    }

    /// The object of this name.
    #[must_use]
    pub fn by_dn(&self, dn: &Dn) -> Option<&Object> {
        self.get(self.database.resolve(dn).found()?)
    }

    /// The object with this `objectGUID`.
    #[must_use]
    pub fn by_guid(&self, guid: Guid) -> Option<&Object> {
        self.database.by_guid(guid)
    }

    /// The object with this `objectSid`, tombstones left out.
    #[must_use]
    pub fn by_sid(&self, sid: &Sid) -> Option<&Object> {
        self.by_value("objectSid", &sid.to_bytes())
    }

    /// The account with this `sAMAccountName`, in any case.
    #[must_use]
    pub fn by_sam_account_name(&self, name: &str) -> Option<&Object> {
        self.by_value("sAMAccountName", name.as_bytes())
    }

    /// The account with this `userPrincipalName`, in any case.
    #[must_use]
    pub fn by_user_principal_name(&self, name: &str) -> Option<&Object> {
        self.by_value("userPrincipalName", name.as_bytes())
    }

    /// The first living object whose indexed attribute has this value.
    #[must_use]
    pub fn by_value(&self, attribute: &str, value: &[u8]) -> Option<&Object> {
        let attribute = self.schema().attribute(attribute)?;
        self.database
            .equal(attribute, value)?
            .into_iter()
            .filter_map(|dnt| self.get(dnt))
            .find(|object| !object.deleted)
    }

    /// The name of an object.
    #[must_use]
    pub fn dn(&self, object: &Object) -> Dn {
        self.database.dn(object.dnt)
    }

    /// The name of an object as text.
    #[must_use]
    pub fn dn_text(&self, object: &Object) -> String {
        self.database.dn_text(object.dnt)
    }

    /// The parent of an object; none for the head of a naming context.
    #[must_use]
    pub fn parent(&self, object: &Object) -> Option<&Object> {
        self.get(object.parent()?)
    }

    /// The values of an attribute without any access check; empty for constructed, secret and unknown ones.
    #[must_use]
    pub fn values(&self, object: &Object, attribute: &str) -> Vec<Value> {
        self.schema()
            .attribute(attribute)
            .map(|id| self.database.values(object, id, None).into_owned())
            .unwrap_or_default()
    }

    /// The first value of an attribute as text, without any access check.
    #[must_use]
    pub fn text(&self, object: &Object, attribute: &str) -> Option<String> {
        let values = self.values(object, attribute);
        String::from_utf8(values.first()?.to_vec()).ok()
    }

    /// The first value of an attribute as a number, without any access check.
    #[must_use]
    pub fn number(&self, object: &Object, attribute: &str) -> Option<i64> {
        let id = self.schema().attribute(attribute)?;
        let values = self.database.values(object, id, None);
        Syntax::LargeInteger.number(values.first()?)
    }

    /// The `objectSid` of an object.
    #[must_use]
    pub fn sid(&self, object: &Object) -> Option<Sid> {
        Sid::from_bytes(object.first(self.schema().known.object_sid)?).ok()
    }

    /// The most specific class of an object.
    #[must_use]
    pub fn class_name<'a>(&self, object: &'a Object) -> &'a str {
        object
            .stored(self.schema().known.object_class)
            .last()
            .and_then(|value| std::str::from_utf8(value).ok())
            .unwrap_or("top")
    }

    /// Whether an object is of a class or of one that derives from it.
    #[must_use]
    pub fn is_a(&self, object: &Object, class: &str) -> bool {
        object
            .stored(self.schema().known.object_class)
            .iter()
            .any(|value| value.eq_ignore_ascii_case(class.as_bytes()))
    }

    /// The groups that an object is in, directly, through other groups and by its primary group.
    #[must_use]
    pub fn groups_of(&self, object: &Object) -> BTreeSet<Dnt> {
        let known = &self.schema().known;
        let mut found = BTreeSet::new();
        let mut open = vec![object.dnt];
        if let Some(primary) = self.primary_group(object) {
            found.insert(primary);
            open.push(primary);
        }
        while let Some(member) = open.pop() {
            for group in self.database.linked_from(member, known.member) {
                if found.insert(group) {
                    open.push(group);
                }
            }
        }
        found
    }

    /// The group that `primaryGroupID` names.
    #[must_use]
    pub fn primary_group(&self, object: &Object) -> Option<Dnt> {
        let rid = object
            .first(self.schema().known.primary_group_id)
            .and_then(|value| Syntax::Integer.number(value))?;
        let sid = self.identity.domain_sid.with_rid(u32::try_from(rid).ok()?);
        self.by_sid(&sid).map(|group| group.dnt)
    }

    /// Finds the object that a search base or operation names, or says what is wrong with the name.
    ///
    /// # Errors
    /// `noSuchObject` with the nearest existing object, or a `referral` for another naming context.
    pub fn locate(&self, dn: &Dn) -> Result<&Object, LdapError> {
        match self.database.resolve(dn) {
            Resolved::Found(dnt) => self
                .get(dnt)
                .ok_or_else(|| LdapError::no_such_object(String::new())),
            Resolved::Below(nearest) => Err(LdapError::no_such_object(self.database.dn_text(nearest))),
            Resolved::Elsewhere => Err(self.elsewhere(dn)),
        }
    }

    fn elsewhere(&self, dn: &Dn) -> LdapError {
        match dn.domain_dns_name() {
            Some(domain) => LdapError {
                referrals: vec![format!("ldap://{domain}/{dn}")],
                ..LdapError::new(
                    ResultCode::Referral,
                    format!(
                        "0000202B: RefErr: DSID-03100835, data 0, 1 access points\n\tref 1: '{domain}'\n"
                    ),
                )
            },
            None => LdapError::no_such_object(String::new()),
        }
    }

    /// Reads alternative forms of names: `<GUID=…>`, `<SID=…>`, `<WKGUID=…,dn>`, and plain distinguished names.
    ///
    /// # Errors
    /// `invalidDNSyntax` for a malformed name, `noSuchObject` for one that names nothing.
    pub fn read_name(&self, name: &str) -> Result<Dn, LdapError> {
        let Some(inner) = name.strip_prefix('<').and_then(|rest| rest.strip_suffix('>')) else {
            return name.parse().map_err(|_| LdapError::bad_name(name));
        };
        let object = match inner.split_once('=') {
            Some((key, value)) if key.eq_ignore_ascii_case("GUID") => read_guid(value)
                .ok_or_else(|| LdapError::bad_name(name))
                .map(|guid| self.by_guid(guid))?,
            Some((key, value)) if key.eq_ignore_ascii_case("SID") => Syntax::Sid
                .key(value.as_bytes())
                .or_else(|| hex::decode(value).ok())
                .ok_or_else(|| LdapError::bad_name(name))
                .map(|sid| self.by_value("objectSid", &sid))?,
            Some((key, value)) if key.eq_ignore_ascii_case("WKGUID") => {
                let (guid, dn) = value.split_once(',').ok_or_else(|| LdapError::bad_name(name))?;
                let dn: Dn = dn.parse().map_err(|_| LdapError::bad_name(name))?;
                self.well_known(self.locate(&dn)?, guid)
            }
            _ => return Err(LdapError::bad_name(name)),
        };
        object
            .map(|object| self.dn(object))
            .ok_or_else(|| LdapError::no_such_object(String::new()))
    }

    /// The container that `wellKnownObjects` or `otherWellKnownObjects` of `head` lists under this GUID.
    #[must_use]
    pub fn well_known(&self, head: &Object, guid: &str) -> Option<&Object> {
        let wanted = hex::decode(guid).ok()?;
        ["wellKnownObjects", "otherWellKnownObjects"]
            .iter()
            .filter_map(|name| self.schema().attribute(name))
            .flat_map(|attribute| head.stored(attribute))
            .find(|value| value.get(4..) == Some(wanted.as_slice()))
            .and_then(|value| self.get(crate::database::reference_of(value)?))
    }

    /// Searches.
    ///
    /// # Errors
    /// As Active Directory: no such base, an unusable control, a filter that cannot be evaluated.
    pub fn search(&self, context: &Context, request: &SearchRequest) -> Result<SearchOutcome, LdapError> {
        if request.dir_sync.is_some() {
            crate::dirsync::search(self, context, request)
        } else {
            crate::search::search(self, context, request)
        }
    }

    /// Compares one attribute of an object with a value.
    ///
    /// # Errors
    /// No such object or attribute.
    pub fn compare(
        &self,
        context: &Context,
        dn: &Dn,
        attribute: &str,
        value: &[u8],
    ) -> Result<bool, LdapError> {
        crate::search::compare(self, context, dn, attribute, value)
    }

    /// Adds an object.
    ///
    /// # Errors
    /// As Active Directory; nothing is changed then.
    pub fn add(&mut self, context: &Context, request: &AddRequest) -> Result<Change, LdapError> {
        self.transact(|directory| crate::write::add(directory, context, request))
            .map(|(_, change)| change)
    }

    /// Modifies an object.
    ///
    /// # Errors
    /// As Active Directory; nothing is changed then.
    pub fn modify(&mut self, context: &Context, request: &ModifyRequest) -> Result<Change, LdapError> {
        self.transact(|directory| crate::write::modify(directory, context, request))
            .map(|((), change)| change)
    }

    /// Renames or moves an object.
    ///
    /// # Errors
    /// As Active Directory; nothing is changed then.
    pub fn rename(&mut self, context: &Context, request: &RenameRequest) -> Result<Change, LdapError> {
        self.transact(|directory| crate::write::rename(directory, context, request))
            .map(|((), change)| change)
    }

    /// Deletes an object, leaving a tombstone.
    ///
    /// # Errors
    /// As Active Directory; nothing is changed then.
    pub fn delete(&mut self, context: &Context, request: &DeleteRequest) -> Result<Change, LdapError> {
        self.transact(|directory| crate::write::delete(directory, context, request))
            .map(|((), change)| change)
    }

    /// Sets attributes as the system does: without access checks and without the rules for clients.
    ///
    /// For what follows from an event rather than from a request, such as `badPwdCount`. Values are in their wire
    /// form; an empty list clears the attribute.
    ///
    /// # Errors
    /// No such object, attribute or reference, or a value that does not have its attribute's syntax.
    pub fn update(
        &mut self,
        now: FileTime,
        dnt: Dnt,
        updates: &[(&str, Vec<Vec<u8>>)],
    ) -> Result<Change, LdapError> {
        self.transact(|directory| crate::write::update(directory, now, dnt, updates))
            .map(|((), change)| change)
    }

    /// Goes on under a new `invocationId`, as a domain controller does that was restored from a backup (PR 15.1): cookies that
    /// were given out before are refused from now on.
    ///
    /// # Errors
    /// The settings objects of the domain controllers cannot be changed.
    pub fn restored(&mut self, now: FileTime, invocation_id: Guid) -> Result<Change, LdapError> {
        let hosts = &self.identity.domain_controllers;
        let settings: Vec<Dnt> = hosts
            .iter()
            .map(|host| below("CN=NTDS Settings", &self.identity.server_dn(host)))
            .filter_map(|dn| Some(self.by_dn(&dn)?.dnt))
            .collect();
        let update = [("invocationId", vec![invocation_id.to_le_bytes().to_vec()])];
        let ((), mut change) = self.transact(|directory| {
            settings
                .iter()
                .try_for_each(|dnt| crate::write::update(directory, now, *dnt, &update))
        })?;
        change.identity = Some(Box::new(self.identity.clone()));
        self.identity.invocation_id = invocation_id;
        Ok(change)
    }

    /// Takes back the last committed change, as when it could not be made durable.
    pub fn revert(&mut self, mut change: Change) {
        if let Some(before) = change.identity.take() {
            self.identity = *before;
        }
        self.database.revert(change);
    }

    /// Removes tombstones and remembered link removals that are older than `lifetime` (PR 15.2).
    pub fn collect_garbage(&mut self, now: FileTime, lifetime: std::time::Duration) -> Change {
        self.database.begin();
        crate::write::collect_garbage(&mut self.database, now, lifetime);
        self.database.commit()
    }

    /// Runs `work` as one operation: everything it does is kept, or nothing if it fails.
    ///
    /// # Errors
    /// Those of `work`.
    pub fn transact<T>(
        &mut self,
        work: impl FnOnce(&mut Self) -> Result<T, LdapError>,
    ) -> Result<(T, Change), LdapError> {
        self.database.begin();
        match work(self) {
            Ok(value) => Ok((value, self.database.commit())),
            Err(error) => {
                self.database.roll_back();
                Err(error)
            }
        }
    }

    /// The identifier of an attribute that a client names.
    ///
    /// # Errors
    /// `noSuchAttribute`, in the words of Active Directory.
    pub fn attribute(&self, name: &str) -> Result<AttributeId, LdapError> {
        self.schema()
            .attribute(name)
            .ok_or_else(|| LdapError::undefined_attribute(name))
    }
}

fn read_guid(text: &str) -> Option<Guid> {
    if let Ok(guid) = text.parse() {
        return Some(guid);
    }
    Guid::from_le_slice(&hex::decode(text).ok()?)
}

#[cfg(test)]
mod tests;

//! Root keys of the key distribution service: what the passwords of group managed service accounts come from (PR 14.3).

use std::sync::LazyLock;

use provlab_protocol::filetime::FileTime;
use provlab_protocol::gkdi::RootKey;
use provlab_protocol::guid::Guid;

use crate::account::attributes::time;
use crate::directory::{Directory, below};
use crate::model::Object;
use crate::schema::{AttributeId, Schema};

/// The container of the root keys, relative to the Configuration naming context.
pub const CONTAINER: &str = "CN=Master Root Keys,CN=Group Key Distribution Service,CN=Services";

struct KeyAttributes {
    root_key_data: AttributeId,
    use_start_time: AttributeId,
}

static ATTRIBUTES: LazyLock<KeyAttributes> = LazyLock::new(|| {
    let find = |name: &str| {
        Schema::get()
            .attribute(name)
            .expect("the attribute table holds every attribute that the code names")
    };
    KeyAttributes {
        root_key_data: find("msKds-RootKeyData"),
        use_start_time: find("msKds-UseStartTime"),
    }
});

/// The root key for new passwords at `now`: of those in effect, the one whose use began last.
///
/// A fresh key takes effect ten hours after it was made, so that every domain controller has it by then;
/// until then there is none.
#[must_use]
pub fn effective(directory: &Directory, now: FileTime) -> Option<RootKey> {
    keys(directory)
        .filter_map(|key| Some((time(key, ATTRIBUTES.use_start_time)?, key)))
        .filter(|(start, _)| *start <= now)
        .max_by_key(|(start, key)| (*start, key.dnt))
        .and_then(|(_, key)| root_key(directory, key))
}

/// The root key with this identifier, in effect or not: old passwords stay derivable.
#[must_use]
pub fn by_id(directory: &Directory, id: Guid) -> Option<RootKey> {
    keys(directory)
        .filter_map(|key| root_key(directory, key))
        .find(|key| key.id() == id)
}

fn keys(directory: &Directory) -> impl Iterator<Item = &Object> {
    let container = below(CONTAINER, &directory.identity().configuration_dn());
    directory
        .by_dn(&container)
        .into_iter()
        .flat_map(|container| directory.database().children(container.dnt))
        .filter(|key| !key.deleted)
}

fn root_key(directory: &Directory, key: &Object) -> Option<RootKey> {
    let id: Guid = directory.text(key, "cn")?.parse().ok()?;
    let data = key.first(ATTRIBUTES.root_key_data)?;
    Some(RootKey::new(id, data.as_ref().try_into().ok()?))
}

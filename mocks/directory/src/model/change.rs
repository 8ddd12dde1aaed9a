//! What a committed operation changed, so that it can be made durable, or taken back where that fails.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::link::{LinkKey, LinkValue};
use super::object::{Dnt, Object};
use crate::database::Counters;

/// The rows that an operation touched, with what they held before it.
#[derive(Clone, Debug, Default)]
#[must_use = "a change has to be made durable before it is answered"]
pub struct Change {
    pub(crate) objects: BTreeMap<Dnt, Option<Arc<Object>>>,
    pub(crate) links: BTreeMap<LinkKey, Option<LinkValue>>,
    pub(crate) counters: Option<Counters>,
}

impl Change {
    /// Whether nothing was changed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.objects.is_empty() && self.links.is_empty() && self.counters.is_none()
    }

    /// The objects that were put or removed.
    pub fn objects(&self) -> impl Iterator<Item = Dnt> {
        self.objects.keys().copied()
    }
}

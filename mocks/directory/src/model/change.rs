//! What a committed operation changed, so that it can be made durable, or taken back where that fails.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::link::{LinkKey, LinkValue};
use super::object::{Dnt, Object};
use crate::database::Counters;
use crate::directory::Identity;

/// The rows that an operation touched, with what they held before it.
#[derive(Clone, Debug, Default)]
#[must_use = "a change has to be made durable before it is answered"]
pub struct Change {
    pub(crate) objects: BTreeMap<Dnt, Option<Arc<Object>>>,
    pub(crate) links: BTreeMap<LinkKey, Option<LinkValue>>,
    pub(crate) counters: Option<Counters>,
    pub(crate) identity: Option<Box<Identity>>,
}

impl Change {
    /// Whether nothing was changed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.objects.is_empty() && self.links.is_empty() && self.counters.is_none() && self.identity.is_none()
    }

    /// Takes in a change that was committed after this one: both become one, to be stored or taken back together.
    pub fn absorb(&mut self, later: Self) {
        for (dnt, before) in later.objects {
            self.objects.entry(dnt).or_insert(before);
        }
        for (key, before) in later.links {
            self.links.entry(key).or_insert(before);
        }
        self.counters = self.counters.or(later.counters);
        if self.identity.is_none() {
            self.identity = later.identity;
        }
    }

    /// The objects that were put or removed.
    pub fn objects(&self) -> impl Iterator<Item = Dnt> {
        self.objects.keys().copied()
    }
}

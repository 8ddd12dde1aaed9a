//! Faults of a scenario as rules of the network, the same on every stage.

use std::time::Duration;

use provlab_platform::{
    Entropy,
    net::sim::{HalfOpen, Latency, LinkPattern, Partition, Refuse, ResetAfter, Rule},
};

use crate::scenario::{Fault, FaultKind, Step};

/// What the network does while the fault lasts.
pub(super) fn rule_of(fault: &Fault, entropy: &Entropy) -> Box<dyn Rule> {
    let any = "*".to_owned();
    let links = match (&fault.from, &fault.to) {
        (None, None) => LinkPattern::any(),
        (None, Some(to)) => LinkPattern::to(to),
        (Some(from), to) => LinkPattern::from_to(from, to.as_ref().unwrap_or(&any)),
    };
    match &fault.what {
        FaultKind::Latency(span) => Box::new(Latency::new(
            links,
            span.0,
            Duration::ZERO,
            entropy.fork(&format!("fault: {}", fault.name.value)),
        )),
        FaultKind::Partition => Box::new(Partition(links)),
        FaultKind::Refuse => Box::new(Refuse(links)),
        FaultKind::Reset => Box::new(ResetAfter::new(links, 0)),
        FaultKind::HalfOpen => Box::new(HalfOpen(links)),
    }
}

/// Whether a story disturbs the network at all.
pub(super) fn disturbs_network<'a>(steps: impl IntoIterator<Item = &'a Step>) -> bool {
    steps.into_iter().any(|step| matches!(step, Step::Fault(_)))
}

//! What a tenant's directory takes and what its provisioning log remembers (CS 6.8).

use std::time::Duration;

use time::OffsetDateTime;
use uuid::Uuid;

use crate::state::{Cloud, LogEntry, TenantMeter, Txn};

/// Writes that the jobs of a tenant may make in [`WRITE_WINDOW`] (performance limits of Entra Connect, assumed to hold for cloud sync).
pub const WRITES_PER_WINDOW: u32 = 7_000;
/// The window of [`WRITES_PER_WINDOW`].
pub const WRITE_WINDOW: Duration = Duration::from_secs(5 * 60);
/// Entries of a tenant's provisioning log that are kept; the oldest make room (our own bound beside the retention by days).
pub const MAX_LOG_ENTRIES: u64 = 20_000;

/// The counters of a tenant within one step.
pub(super) struct Ledger {
    meter: TenantMeter,
    before: Option<TenantMeter>,
    /// Length of the window at the present cadence; none if the directory takes every write.
    window: Option<Duration>,
}

impl Ledger {
    /// Opens the counters; an old window is closed.
    pub(super) fn open(cloud: &Cloud, tenant: Uuid, now: OffsetDateTime, window: Option<Duration>) -> Self {
        let before = cloud.meters.get(tenant, &tenant.to_string()).cloned();
        let mut meter = before.clone().unwrap_or(TenantMeter {
            tenant,
            oldest: 0,
            next: 0,
            window: now,
            writes: 0,
        });
        if window.is_some_and(|length| now - meter.window >= length) {
            (meter.window, meter.writes) = (now, 0);
        }
        Self {
            meter,
            before,
            window,
        }
    }

    /// Whether the directory takes another write now.
    pub(super) fn has_room(&self) -> bool {
        self.window.is_none() || self.meter.writes < WRITES_PER_WINDOW
    }

    /// When the directory takes writes again.
    pub(super) fn opens_at(&self) -> OffsetDateTime {
        self.meter.window + self.window.unwrap_or_default()
    }

    /// Notes one write.
    pub(super) fn charge(&mut self) {
        if self.window.is_some() {
            self.meter.writes = self.meter.writes.saturating_add(1);
        }
    }

    /// Appends an entry to the log; the oldest makes room.
    pub(super) fn append(&mut self, txn: &mut Txn<'_>, mut entry: LogEntry) {
        entry.number = self.meter.next;
        self.meter.next += 1;
        txn.put(entry);
        while self.meter.next - self.meter.oldest > MAX_LOG_ENTRIES {
            txn.remove::<LogEntry>(self.meter.tenant, &LogEntry::key(self.meter.oldest));
            self.meter.oldest += 1;
        }
    }

    /// Stores what changed.
    pub(super) fn close(self, txn: &mut Txn<'_>) {
        if self.before.as_ref() != Some(&self.meter) {
            txn.put(self.meter);
        }
    }
}

//! The life of a registered agent: bootstrap at the start and periodically, keep listeners on what it returned, renew the trust (PR 5, 6).

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use provlab_platform::{Part, event};
use provlab_protocol::environment::Environment;
use provlab_protocol::his::bootstrap::BootstrapResponse;

use super::ServiceLogon;
use super::handler::Handler;
use super::last_bootstrap::record;
use super::listener::Shared;
use super::listeners::Listeners;
use super::recent::Recent;
use super::{Ended, RECOVERY_PAUSE};
use crate::cloud::bootstrap::{BootstrapState, bootstrap};
use crate::cloud::http::AbortOnDrop;
use crate::cloud::registration::renew;
use crate::config::AppConfig;
use crate::host::{EventLevel, HostMachine, ServiceEntry, TraceFile};
use crate::product::EVENT_SOURCE;
use crate::setup::package::chosen_environment;
use crate::trust::{Trust, TrustStore};

/// Event of a successful bootstrap (CS 9.1); its text is not public.
const BOOTSTRAP_EVENT: u32 = 5;
/// Before the first success: 20 tries at 5 seconds (PR 5.1).
const STARTUP_ATTEMPTS: u32 = 20;
const STARTUP_PAUSE: Duration = Duration::from_secs(5);
/// Bounds of what the cloud may set.
const BOOTSTRAP_PERIOD: std::ops::RangeInclusive<Duration> =
    Duration::from_millis(100)..=Duration::from_secs(86_400);
const RENEWAL_PERIOD: std::ops::RangeInclusive<Duration> =
    Duration::from_secs(60)..=Duration::from_secs(604_800);

struct Agent<'a> {
    host: &'a HostMachine,
    environment: &'static Environment,
    shared: Arc<Shared>,
    log: TraceFile,
    state: BootstrapState,
    settings: BootstrapResponse,
    listeners: Listeners,
}

/// Runs until the agent gives up; the caller drops it to stop.
pub(super) async fn run(
    host: &HostMachine,
    entry: &ServiceEntry,
    trust: Trust,
    logon: ServiceLogon,
    config: &AppConfig,
) -> Ended {
    let environment = match chosen_environment(host) {
        Ok(environment) => environment,
        Err(error) => {
            return Ended::Failed {
                reason: error.to_string(),
                retry: None,
            };
        }
    };
    let mut agent = Agent {
        host,
        environment,
        shared: Arc::new(Shared {
            host: host.clone(),
            handler: Handler::new(host.clone(), logon, trust.tenant, config),
            recent: Recent::default(),
            trust: Mutex::new(trust),
        }),
        log: host.trace_file(1),
        state: BootstrapState {
            initial: true,
            account: entry.account.clone(),
            gmsa: entry.managed_account,
            ..BootstrapState::default()
        },
        settings: BootstrapResponse::default(),
        listeners: Listeners::default(),
    };
    let shared = Arc::clone(&agent.shared);
    let _writeback = AbortOnDrop(tokio::spawn(super::writeback::follow(shared, environment)));
    agent.live().await
}

impl Agent<'_> {
    async fn live(&mut self) -> Ended {
        let clock = self.host.platform.clock.clone();
        let mut next_bootstrap = clock.now();
        let mut next_renewal = clock.now() + self.renewal_period();
        loop {
            if next_bootstrap <= next_renewal {
                clock.sleep_until(next_bootstrap).await;
                match self.bootstrap().await {
                    Ok(pause) => next_bootstrap = clock.now() + pause,
                    Err(ended) => return ended,
                }
            } else {
                clock.sleep_until(next_renewal).await;
                self.renew_if_due().await;
                next_renewal = clock.now() + self.renewal_period();
            }
        }
    }

    fn trust(&self) -> Trust {
        self.shared
            .trust
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn renewal_period(&self) -> Duration {
        let minutes = self.settings.check_for_trust_renew_period_in_minutes;
        Duration::from_secs(minutes.saturating_mul(60)).clamp(*RENEWAL_PERIOD.start(), *RENEWAL_PERIOD.end())
    }

    /// One bootstrap; gives the pause until the next.
    async fn bootstrap(&mut self) -> Result<Duration, Ended> {
        let trust = self.trust();
        match bootstrap(self.host, self.environment, &trust, &self.state).await {
            Ok(response) => {
                self.succeeded(&trust, response);
                let period = Duration::from_millis(self.settings.periodic_bootstrap_interval_milliseconds);
                Ok(period.clamp(*BOOTSTRAP_PERIOD.start(), *BOOTSTRAP_PERIOD.end()))
            }
            Err(error) => {
                let reason = error.to_string();
                self.state.consecutive_failures += 1;
                let failures = self.state.consecutive_failures;
                self.log
                    .error(&format!("Bootstrap failed ({failures} in a row): {reason}"));
                event!(
                    self.host.platform.trace,
                    Part::Agent,
                    "bootstrap.failed",
                    failures = failures,
                    reason = reason
                );
                if failures >= self.settings.max_failed_bootstrap_requests.max(STARTUP_ATTEMPTS) {
                    return Err(Ended::Failed {
                        reason: format!("the agent gives up after {failures} failed bootstraps: {reason}"),
                        retry: Some(RECOVERY_PAUSE),
                    });
                }
                Ok(self.pause_after(failures))
            }
        }
    }

    fn pause_after(&self, failures: u32) -> Duration {
        if self.state.initial && failures <= STARTUP_ATTEMPTS {
            return self.host.shortened(STARTUP_PAUSE);
        }
        let strategy = &self.settings.periodic_bootstrap_retry_strategy;
        let (pause, spread) = strategy.wait_after(failures);
        if !spread {
            return pause;
        }
        let part = pause / 100 * strategy.plus_or_minus_percent.min(100);
        self.host
            .platform
            .entropy
            .range_duration(pause - part, pause + part)
    }

    fn succeeded(&mut self, trust: &Trust, response: BootstrapResponse) {
        self.host.event_log(Part::Agent).write(
            BOOTSTRAP_EVENT,
            EVENT_SOURCE,
            EventLevel::Information,
            "The agent bootstrapped successfully.",
        );
        self.log.info("Bootstrap succeeded.");
        self.state.consecutive_failures = 0;
        self.state.initial = false;
        self.state
            .endpoint_override
            .clone_from(&response.bootstrap_endpoint_override);
        let store = TrustStore::new(self.host.platform.files.clone());
        // From here on the cloud knows this certificate: older pairs are of no more use.
        if let Err(error) = store.tidy(trust) {
            self.log.error(&error.to_string());
        }
        if let Err(error) = record(self.host, trust) {
            self.log.error(&error.to_string());
        }
        self.settings = response;
        self.keep_listeners();
    }

    /// Listens where the cloud says.
    fn keep_listeners(&mut self) {
        let signaling = &self.settings.connectivity_settings.signaling_settings;
        self.listeners.keep(
            &self.shared,
            &self.settings.signaling_listener_endpoints,
            signaling.service_bus_sas_token_ttl,
        );
    }

    async fn renew_if_due(&mut self) {
        let trust = self.trust();
        let left = trust.certificate.not_after() - self.host.platform.clock.wall();
        let due = i64::try_from(self.settings.minutes_in_trust_lifetime_before_renew).unwrap_or(i64::MAX);
        if left.whole_minutes() >= due {
            return;
        }
        match renew(self.host, &trust, &self.settings.trust_renew_endpoint).await {
            Ok(renewed) => {
                self.log.info("The trust certificate was renewed.");
                event!(
                    self.host.platform.trace,
                    Part::Agent,
                    "trust.renewed",
                    "notAfter" = renewed.certificate.not_after().to_string()
                );
                *self.shared.trust.lock().unwrap_or_else(PoisonError::into_inner) = renewed;
            }
            Err(error) => {
                self.log
                    .error(&format!("The trust certificate was not renewed: {error}"));
                event!(
                    self.host.platform.trace,
                    Part::Agent,
                    "trust.renewal-failed",
                    reason = error.to_string()
                );
            }
        }
    }
}

//! The writeback beside the service's other work: while it is enabled, a heartbeat every five minutes and listeners on the relays of its
//! own (CS 8.2).

use std::sync::Arc;
use std::time::Duration;

use provlab_platform::{Part, event};
use provlab_protocol::environment::Environment;
use provlab_protocol::his::bootstrap::{BootstrapResponse, SignalingListenerEndpoint};
use provlab_protocol::writeback::{Heartbeat, HeartbeatAnswer, MAX_HEARTBEAT_BYTES, MAX_RELAYS};

use super::listener::Shared;
use super::listeners::Listeners;
use crate::cloud::http::{self, CloudRequest, JSON};
use crate::password::writeback::Source;
use crate::product::AGENT_VERSION;

/// Pause behind a heartbeat that failed (inferred).
const RETRY_PAUSE: Duration = Duration::from_secs(60);
/// Bounds of the period that the cloud may set.
const PERIOD: std::ops::RangeInclusive<Duration> = Duration::from_millis(100)..=Duration::from_secs(86_400);

/// Follows the feature for as long as the service runs.
pub(super) async fn follow(shared: Arc<Shared>, environment: &'static Environment) {
    let writeback = shared.handler.writeback();
    let mut enabled = writeback.enabled();
    loop {
        if enabled.wait_for(|on| *on).await.is_err() {
            return;
        }
        writeback.events().note(Source::Started);
        let mut listeners = Listeners::default();
        let mut another_key = false;
        loop {
            let pause = match Box::pin(beat(&shared, environment, another_key)).await {
                Ok(answer) if !answer.enabled => {
                    off(&shared);
                    break;
                }
                Ok(answer) => {
                    listen_there(&shared, &mut listeners, &answer);
                    another_key = answer.new_key_wanted && !another_key;
                    if another_key {
                        continue;
                    }
                    Duration::from_millis(answer.period_ms).clamp(*PERIOD.start(), *PERIOD.end())
                }
                Err(reason) => {
                    writeback.events().failure(Source::Service, &reason);
                    shared.host.shortened(RETRY_PAUSE)
                }
            };
            tokio::select! {
                biased;
                _ = enabled.wait_for(|on| !*on) => break,
                () = shared.host.platform.clock.sleep(pause) => {}
            }
        }
        drop(listeners);
        writeback.events().note(Source::OffboardingSuccess);
        writeback.events().note(Source::Stopped);
    }
}

/// The cloud has switched it off while nobody could tell the agent.
fn off(shared: &Shared) {
    let writeback = shared.handler.writeback();
    writeback.events().note(Source::OffboardingStart);
    if let Err(error) = writeback.set_enabled(false) {
        writeback
            .events()
            .failure(Source::Configuration, &error.to_string());
    }
}

fn listen_there(shared: &Arc<Shared>, listeners: &mut Listeners, answer: &HeartbeatAnswer) {
    let relays: Vec<_> = answer
        .relays
        .iter()
        .take(MAX_RELAYS)
        .map(|relay| {
            SignalingListenerEndpoint::new(
                &relay.namespace,
                &relay.domain,
                &relay.service_path,
                relay.shared_access_key.clone(),
            )
        })
        .collect();
    let settings = BootstrapResponse::default()
        .connectivity_settings
        .signaling_settings;
    listeners.keep(shared, &relays, settings.service_bus_sas_token_ttl);
}

/// One heartbeat. The first one with a key is the onboarding.
async fn beat(
    shared: &Shared,
    environment: &Environment,
    another_key: bool,
) -> Result<HeartbeatAnswer, String> {
    let platform = &shared.host.platform;
    let writeback = shared.handler.writeback();
    let (key, new) = writeback
        .keys()
        .current(&platform.crypto, platform.clock.wall(), another_key)
        .await
        .map_err(|error| error.to_string())?;
    if new {
        writeback.events().note(Source::KeyPair);
        writeback.events().note(Source::OnboardingStart);
    }
    let heartbeat = Heartbeat {
        agent_version: AGENT_VERSION.to_owned(),
        public_key: key.pair.spki_der(),
    };
    let body = serde_json::to_vec(&heartbeat).map_err(|error| error.to_string())?;
    let request = CloudRequest::post(environment.writeback_heartbeat_url(), JSON, body)
        .with_identity(shared.trust().identity());
    let answer = http::send(platform, &request)
        .await
        .map_err(|error| error.to_string())?;
    if !answer.status.is_success() {
        return Err(format!(
            "the password reset service answered HTTP {}",
            answer.status
        ));
    }
    if answer.body.len() > MAX_HEARTBEAT_BYTES {
        return Err("the password reset service answered at too great length".to_owned());
    }
    // The parser's own words could quote the secret of a relay.
    let answer: HeartbeatAnswer = serde_json::from_slice(&answer.body)
        .map_err(|_| "the password reset service gave an answer that cannot be read".to_owned())?;
    if answer.enabled {
        if new {
            writeback.events().note(Source::OnboardingSuccess);
        }
        writeback.events().note(Source::Heartbeat);
        event!(
            platform.trace,
            Part::Agent,
            "writeback.heartbeat",
            relays = answer.relays.len(),
            "newKey" = new
        );
    }
    Ok(answer)
}

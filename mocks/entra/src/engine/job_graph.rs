//! A job as Graph shows it: the `synchronizationJob` resource (CS 6.1, 6.3).

use indexmap::IndexMap;
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::job::{Execution, Job, JobError, Quarantine};

impl Job {
    /// The `synchronizationJob` resource (CS 6.1, 6.3).
    pub fn to_graph(&self) -> Value {
        let entry_counts: Vec<Value> = self
            .synchronized
            .iter()
            .map(|(key, value)| json!({ "key": key, "value": value }))
            .collect();
        json!({
            "id": self.id,
            "templateId": self.template_id,
            "schedule": {
                "expiration": null,
                "interval": xs_duration(self.schedule.interval_seconds),
                "state": format!("{:?}", self.schedule.state),
            },
            "status": {
                "countSuccessiveCompleteFailures": self.successive_failures,
                "escrowsPruned": self.escrows_pruned,
                "code": format!("{:?}", self.code()),
                "lastExecution": self.last_execution.as_ref().map(Execution::to_graph),
                "lastSuccessfulExecution": self.last_successful_execution.as_ref().map(Execution::to_graph),
                "lastSuccessfulExecutionWithExports":
                    self.last_successful_execution_with_exports.as_ref().map(Execution::to_graph),
                "quarantine": self.quarantine.as_ref().map(Quarantine::to_graph),
                "steadyStateFirstAchievedTime": graph_time(self.steady_state_first),
                "steadyStateLastAchievedTime": graph_time(self.steady_state_last),
                "troubleshootingUrl": null,
                "progress": self.progress(),
                "synchronizedEntryCountByType": entry_counts,
            },
            "synchronizationJobSettings": self.settings_to_graph(),
        })
    }

    /// `progress`: what the cycle under way has read (`synchronizationProgress`: completedUnits of totalUnits, of which nobody knows the
    /// number while the directory is being read).
    fn progress(&self) -> Vec<Value> {
        let running = self.sync.execution.as_ref();
        running
            .map(|execution| {
                json!({
                    "completedUnits": execution.imported + execution.imported_deltas,
                    "progressObservationDateTime": graph_time(Some(execution.ended)),
                    "totalUnits": 0,
                    "units": "objects",
                })
            })
            .into_iter()
            .collect()
    }

    /// `synchronizationJobSettings` (CS 6.3). The forest is taken to be the domain's own: the cloud learns no other name.
    fn settings_to_graph(&self) -> Vec<Value> {
        let threshold = self
            .configuration
            .delete_threshold
            .map(|threshold| threshold.to_string());
        let mut settings = IndexMap::new();
        if let Some(domain) = &self.configuration.domain {
            let net_bios = net_bios_name(domain);
            let names = json!({
                "DomainFQDN": domain, "DomainNetBios": net_bios, "ForestFQDN": domain, "ForestNetBios": net_bios,
            });
            settings.insert("Domain", names.to_string());
            settings.insert("DomainFQDN", domain.clone());
            settings.insert("DomainNetBios", net_bios.clone());
            settings.insert("ForestFQDN", domain.clone());
            settings.insert("ForestNetBios", net_bios);
        }
        if let Some(threshold) = threshold {
            settings.insert("QuarantineTooManyDeletesThreshold", threshold);
        }
        settings
            .into_iter()
            .map(|(name, value)| json!({ "name": name, "value": value }))
            .collect()
    }
}

impl Execution {
    fn to_graph(&self) -> Value {
        json!({
            "activityIdentifier": self.activity.to_string(),
            "countEntitled": self.entitled,
            "countEntitledForProvisioning": self.entitled,
            "countEscrowed": self.escrowed,
            "countEscrowedRaw": self.escrowed_raw,
            "countExported": self.exported,
            "countExports": self.exports,
            "countImported": self.imported,
            "countImportedDeltas": self.imported_deltas,
            "countImportedReferenceDeltas": self.imported_reference_deltas,
            "state": self.state.map(|s| format!("{s:?}")),
            "error": self.error.as_ref().map(JobError::to_graph),
            "timeBegan": graph_time(Some(self.began)),
            "timeEnded": graph_time(Some(self.ended)),
        })
    }
}

impl JobError {
    fn to_graph(&self) -> Value {
        json!({ "code": self.code, "message": self.message, "tenantActionable": self.tenant_actionable })
    }
}

impl Quarantine {
    fn to_graph(&self) -> Value {
        json!({
            "currentBegan": graph_time(Some(self.current_began)),
            "nextAttempt": graph_time(Some(self.next_attempt)),
            "reason": format!("{:?}", self.reason),
            "seriesBegan": graph_time(Some(self.series_began)),
            "seriesCount": self.series_count,
            "error": self.error.to_graph(),
        })
    }
}

/// First label of a DNS name in capitals, at most 15 characters: the NetBIOS name a domain has unless its administrator chose another.
pub(super) fn net_bios_name(domain: &str) -> String {
    domain
        .split('.')
        .next()
        .unwrap_or(domain)
        .chars()
        .take(15)
        .collect::<String>()
        .to_ascii_uppercase()
}

/// A time as Graph writes it; "never" is the first instant of year 1 (CS 6.1).
fn graph_time(time: Option<OffsetDateTime>) -> String {
    time.and_then(|t| t.format(&Rfc3339).ok())
        .unwrap_or_else(|| "0001-01-01T00:00:00Z".to_owned())
}

/// A whole number of seconds as xs:duration, in the largest unit that divides it (`PT2M`, `PT90S`).
fn xs_duration(seconds: i64) -> String {
    match seconds {
        s if s % 3600 == 0 => format!("PT{}H", s / 3600),
        s if s % 60 == 0 => format!("PT{}M", s / 60),
        s => format!("PT{s}S"),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use uuid::Uuid;

    use super::super::job::{TEMPLATES, template};
    use super::*;

    #[test]
    fn a_new_job_looks_like_the_published_sample() {
        let job = Job::new(
            template("ad2aadprovisioning").unwrap(),
            Uuid::from_u128(0xfc96_887f_36da_4750_8c93_5c28_a0c0_b6da),
        );
        let shown = job.to_graph();
        assert_eq!(shown["id"], "AD2AADProvisioning.fc96887f36da47508c935c28a0c0b6da");
        assert_eq!(
            shown["schedule"],
            json!({"expiration": null, "interval": "PT40M", "state": "Disabled"})
        );
        assert_eq!(
            shown["status"],
            json!({
                "countSuccessiveCompleteFailures": 0, "escrowsPruned": false, "code": "Paused", "lastExecution": null,
                "lastSuccessfulExecution": null, "lastSuccessfulExecutionWithExports": null, "quarantine": null,
                "steadyStateFirstAchievedTime": "0001-01-01T00:00:00Z",
                "steadyStateLastAchievedTime": "0001-01-01T00:00:00Z",
                "troubleshootingUrl": null, "progress": [], "synchronizedEntryCountByType": []
            })
        );
    }

    #[test]
    fn settings_name_the_domain_and_the_threshold() {
        let mut job = Job::new(&TEMPLATES[0], Uuid::nil());
        job.configuration.domain = Some("contoso.com".to_owned());
        let settings = job.to_graph()["synchronizationJobSettings"].clone();
        assert_eq!(settings[2], json!({"name": "DomainNetBios", "value": "CONTOSO"}));
        assert_eq!(
            settings[5],
            json!({"name": "QuarantineTooManyDeletesThreshold", "value": "500"})
        );
    }
}

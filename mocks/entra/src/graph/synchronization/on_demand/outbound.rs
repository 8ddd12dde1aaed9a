//! A group of the cloud, written to the directory now with at most five of its members (CS 5.7).

use std::collections::BTreeSet;

use axum::Json;
use http::StatusCode;
use serde_json::Value;
use uuid::Uuid;

use super::{Subject, answer, short};
use crate::engine::Job;
use crate::engine::outbound::{self, OnDemandError, Provisioned};
use crate::graph::GraphError;
use crate::graph::provisioning_log::{Systems, summary};
use crate::graph::request::Request;
use crate::state::LogEntry;

pub(super) async fn provision(
    request: &Request,
    job: Job,
    subject: &Subject,
) -> Result<Json<Value>, GraphError> {
    if !subject.object_type_name.eq_ignore_ascii_case("group") {
        return Err(GraphError::bad_request(format!(
            "parameters[0].subjects[0].objectTypeName: '{}' is not provisioned to Active Directory; write 'Group'.",
            short(&subject.object_type_name)
        )));
    }
    let group = object_id(&subject.object_id, "objectId")?;
    let members = subject.links.iter().flat_map(|links| &links.members);
    let members = members.map(|member| object_id(&member.object_id, "links.members.objectId"));
    let members: BTreeSet<Uuid> = members.collect::<Result<_, _>>()?;
    let (tenant, shared) = (request.tenant, &request.shared);
    let before = last_entry(request);
    let done = outbound::provision(shared, tenant, &job.id, group, &members).await;
    let done = done.map_err(refused)?;
    let systems = Systems::of_job(&job.id);
    let entry = entry_since(request, &job.id, group, before);
    let shown = match (entry, done.outcome) {
        (Some(entry), _) => {
            let shown = shared.db.read(|cloud| summary(cloud, &entry));
            answer::success(&shown.into(), &entry, std::slice::from_ref(&entry))
        }
        (None, Provisioned::Done { .. }) => {
            let reason = "The group is in Active Directory as it is in Microsoft Entra ID.";
            answer::skipped(subject, systems, "RedundantExport", reason)
        }
        (None, Provisioned::OutOfScope(reason)) => {
            answer::skipped(subject, systems, "EntrySynchronizationSkipped", reason)
        }
        (None, Provisioned::Failed { code, message }) => answer::failure(subject, systems, &code, &message),
    };
    Ok(Json(shown))
}

fn object_id(text: &str, place: &str) -> Result<Uuid, GraphError> {
    text.parse().map_err(|_| {
        GraphError::bad_request(format!(
            "parameters[0].subjects[0].{place}: '{}' is not the object id of an object of the tenant.",
            short(text)
        ))
    })
}

fn refused(error: OnDemandError) -> GraphError {
    match error {
        OnDemandError::NoJob(_) => {
            GraphError::bad_request("The job has no domain: set the secret 'Domain' first.")
        }
        OnDemandError::NoGroup(_) => GraphError::new(
            StatusCode::NOT_FOUND,
            "Request_ResourceNotFound",
            error.to_string(),
        ),
        OnDemandError::TooManyMembers(_) => GraphError::bad_request(error.to_string()),
        OnDemandError::Store(error) => error.into(),
    }
}

/// Number of the last entry of the provisioning log, if it has any.
fn last_entry(request: &Request) -> Option<u64> {
    request.shared.db.read(|cloud| {
        let entries = cloud.provisioning_log.of(request.tenant);
        entries.map(|entry| entry.number).max()
    })
}

/// What a job has noted about a group since then, last.
fn entry_since(request: &Request, job: &str, group: Uuid, before: Option<u64>) -> Option<LogEntry> {
    let group = group.to_string();
    let ours =
        |entry: &&LogEntry| Some(entry.number) > before && entry.job == job && entry.source.id == group;
    let shared = &request.shared;
    shared.db.read(|cloud| {
        cloud
            .provisioning_log
            .of(request.tenant)
            .filter(ours)
            .last()
            .cloned()
    })
}

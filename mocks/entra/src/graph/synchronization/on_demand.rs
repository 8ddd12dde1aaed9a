//! `jobs/{id}/provisionOnDemand`: one object through the four steps, at once (CS 5.7, 6.5).

mod answer;
mod inbound;
mod outbound;

use axum::Json;
use axum::extract::Path;
use serde::Deserialize;
use serde_json::Value;

use super::super::GraphError;
use super::super::request::{JsonBody, Request};
use super::{JobPath, find};
use crate::engine::Direction;

/// Most members that a group can be provisioned with on demand (CS 5.7).
const MAX_MEMBERS: usize = 5;

#[derive(Deserialize)]
pub(super) struct OnDemand {
    parameters: Vec<Parameters>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Parameters {
    rule_id: String,
    subjects: Vec<Subject>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Subject {
    object_id: String,
    object_type_name: String,
    #[serde(default)]
    links: Option<Links>,
}

#[derive(Deserialize)]
struct Links {
    #[serde(default)]
    members: Vec<Member>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Member {
    object_id: String,
}

pub(super) async fn provision_on_demand(
    request: Request,
    Path((principal, job)): JobPath,
    JsonBody(body): JsonBody<OnDemand>,
) -> Result<Json<Value>, GraphError> {
    let job = request
        .shared
        .db
        .read(|cloud| find(cloud, request.tenant, &principal, &job).map(|row| row.job.clone()))?;
    let (rule, subject) = one_subject(&body)?;
    match Direction::of_job(&job.id) {
        Direction::Inbound => inbound::provision(&request, job, rule, subject).await,
        Direction::Outbound => outbound::provision(&request, job, subject).await,
        Direction::Passwords => Err(GraphError::bad_request(
            "Passwords are not provisioned on demand; the job AD2AADProvisioning provisions users.",
        )),
    }
}

/// The only rule and the only subject: one object at a time.
fn one_subject(body: &OnDemand) -> Result<(&str, &Subject), GraphError> {
    let [parameters] = body.parameters.as_slice() else {
        return Err(GraphError::bad_request(
            "parameters: exactly one entry is needed.",
        ));
    };
    let [subject] = parameters.subjects.as_slice() else {
        return Err(GraphError::bad_request(
            "parameters[0].subjects: exactly one subject is needed.",
        ));
    };
    let members = subject.links.as_ref().map_or(0, |links| links.members.len());
    if members > MAX_MEMBERS {
        return Err(GraphError::bad_request(format!(
            "parameters[0].subjects[0].links.members: a group is provisioned on demand with at most {MAX_MEMBERS} members."
        )));
    }
    Ok((&parameters.rule_id, subject))
}

fn short(text: &str) -> String {
    text.chars().take(64).collect()
}

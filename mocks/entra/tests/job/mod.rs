//! A synchronization job as an administrator sets it up, and what an agent answers to it.
#![allow(
    dead_code,
    unreachable_pub,
    missing_docs,
    clippy::unwrap_used,
    clippy::panic,
    reason = "each test binary uses a part of it"
)]

use provlab_protocol::scim::{
    LinkReference, ListResponse, Operation, OperationResult, Pong, ReplicaToken, Resource, ResourceType,
    Watermark,
};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::agent::Line;
use crate::world::*;

/// The agent reaches the domain.
pub fn pong() -> OperationResult {
    OperationResult::Pong(Pong {
        domain: "contoso.com".to_owned(),
        domain_controller: "dc1.contoso.com".to_owned(),
    })
}

/// Creates, configures and starts a job as an administrator does; gives its address.
pub async fn start_job(world: &World) -> String {
    let token = world.token().await;
    let template = "/beta/applicationTemplates/1a4721b3-e57f-4451-ae87-ef078703ec94/instantiate";
    let made = world
        .call(
            "POST",
            GRAPH,
            template,
            Some(&token),
            Some(json!({"displayName": "contoso.com"})),
        )
        .await
        .json();
    let principal = made["servicePrincipal"]["objectId"]
        .as_str()
        .or(made["servicePrincipal"]["id"].as_str())
        .unwrap()
        .to_owned();
    let base = format!("/beta/servicePrincipals/{principal}/synchronization");
    let job = json!({"templateId": "AD2AADProvisioning"});
    let job = world
        .call("POST", GRAPH, &format!("{base}/jobs"), Some(&token), Some(job))
        .await
        .json();
    let secrets = json!({"value": [{"key": "Domain", "value": "{\"domain\":\"CONTOSO.COM\"}"}]});
    assert_eq!(
        world
            .call(
                "PUT",
                GRAPH,
                &format!("{base}/secrets"),
                Some(&token),
                Some(secrets)
            )
            .await
            .status,
        204
    );
    let path = format!("{base}/jobs/{}", job["id"].as_str().unwrap());
    assert_eq!(
        world
            .call("POST", GRAPH, &format!("{path}/start"), Some(&token), None)
            .await
            .status,
        204
    );
    path
}

pub fn person(n: u128, name: &str) -> Resource {
    let mut resource = Resource::new(ResourceType::User, Uuid::from_u128(n));
    resource.partial = true;
    for (attribute, value) in [
        ("distinguishedName", format!("CN={name},DC=contoso,DC=com")),
        ("displayName", name.to_owned()),
        ("userPrincipalName", format!("{name}@contoso.com")),
        ("sAMAccountName", name.to_owned()),
        ("userAccountControl", "512".to_owned()),
    ] {
        resource.attributes.insert(attribute.to_owned(), vec![value]);
    }
    resource
}

pub fn team(n: u128, members: &[u128]) -> Resource {
    let mut resource = Resource::new(ResourceType::Group, Uuid::from_u128(n));
    resource.partial = true;
    resource
        .attributes
        .insert("cn".to_owned(), vec!["Sales".to_owned()]);
    let reference = |n: &u128| LinkReference {
        object_guid: Uuid::from_u128(*n),
        dn: String::new(),
    };
    resource
        .links_added
        .insert("member".to_owned(), members.iter().map(reference).collect());
    resource
}

pub fn page(resources: Vec<Resource>, cookie: u8, more: bool) -> OperationResult {
    let replica = ReplicaToken {
        invocation_id: Uuid::nil(),
        name: "dc1.contoso.com".to_owned(),
    };
    OperationResult::List(ListResponse::new(
        resources,
        Watermark(vec![cookie]),
        more,
        replica,
    ))
}

/// Answers the check and gives the query after it.
pub async fn query(line: &mut Line) -> (Uuid, Option<Watermark>) {
    loop {
        let request = line.request().await;
        match request.operation {
            Operation::Ping(_) => line.answer(request.id, Ok(pong())).await,
            Operation::Query(query) => return (request.id, query.cookie),
            other => panic!("nobody asks for {other:?}"),
        }
    }
}

pub async fn users(world: &World) -> Vec<String> {
    let token = world.token().await;
    let path = "/v1.0/users?$filter=endswith(userPrincipalName,'@contoso.com')&$count=true&$select=userPrincipalName,onPremisesSyncEnabled";
    let mut request = request("GET", GRAPH, path, Some(&token), None);
    request
        .headers_mut()
        .insert("consistencylevel", "eventual".parse().unwrap());
    let answer = world.send(GRAPH, request).await;
    let mut names: Vec<String> = answer.json()["value"]
        .as_array()
        .unwrap_or_else(|| panic!("{}", answer.body))
        .iter()
        .map(|u| u["userPrincipalName"].as_str().unwrap().to_owned())
        .collect();
    names.sort();
    names
}

pub async fn status(world: &World, job: &str) -> Value {
    let token = world.token().await;
    world.get(GRAPH, job, Some(&token)).await.json()["status"].clone()
}

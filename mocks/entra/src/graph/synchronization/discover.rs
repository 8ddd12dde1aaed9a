//! `jobs/{id}/schema/directories/{directoryId}/discover`: what the schema of the directory really has, answered by an agent (CS 5.1, 6.3).

use axum::Json;
use axum::extract::Path;
use http::StatusCode;
use provlab_protocol::scim::{
    AttributeDefinition, AttributeType, DirectorySchema, Discover, MAX_DISCOVERED_CLASSES, ObjectDefinition,
    Operation, OperationResult,
};
use serde_json::{Value, json};

use super::super::GraphError;
use super::super::request::Request;
use super::find;
use crate::engine::{AD2AAD_PROVISIONING, schema_of};
use crate::relay;

/// The directory that an agent stands before; the other one is the cloud's own.
const DISCOVERED: &str = "Active Directory";
/// `discoverabilities` of it: the words of Graph's reference that fit what is told.
const DISCOVERABILITIES: &str = "AttributeNames, AttributeDataTypes, AttributeReadOnly, ReferenceAttributes";
/// Attribute that identifies an object: the anchor (CS 5.11).
const ANCHOR: &str = "objectGUID";

/// The definition of a directory with all attributes of the classes that the job's schema has for it.
pub(super) async fn discover(
    request: Request,
    Path((principal, job, directory)): Path<(String, String, String)>,
) -> Result<Json<Value>, GraphError> {
    let (definition, domain) = request.shared.db.read(|cloud| {
        let job = &find(cloud, request.tenant, &principal, &job)?.job;
        let schema = schema_of(cloud, request.tenant, job, &request.shared.config.assumptions);
        let all = schema["directories"].as_array().cloned().unwrap_or_default();
        let mut all = all.into_iter();
        let definition = all.find(|known| known["id"] == directory.as_str());
        let definition = definition.ok_or_else(|| GraphError::not_found(&directory))?;
        // For configurations that write to Active Directory its schema cannot be discovered: the mappings are a fixed set.
        let inbound = job.template_id.eq_ignore_ascii_case(AD2AAD_PROVISIONING);
        if !inbound || definition["name"] != DISCOVERED {
            return Err(GraphError::bad_request(format!(
                "The directory '{directory}' cannot be discovered in this job; jobs of {AD2AAD_PROVISIONING} discover '{DISCOVERED}'."
            )));
        }
        let missing = || GraphError::bad_request("NotConfigured: the secret 'Domain' is not set.");
        Ok((definition, job.configuration.domain.clone().ok_or_else(missing)?))
    })?;
    let object_classes = class_names(&definition);
    let operation = Operation::Discover(Discover {
        domain,
        object_classes,
    });
    operation
        .check_limits()
        .map_err(|error| GraphError::bad_request(error.to_string()))?;
    let answer = relay::request(&request.shared, request.tenant, operation).await;
    let schema = match answer {
        Ok(OperationResult::Schema(schema)) => schema,
        Ok(_) => {
            return Err(GraphError::bad_request(
                "The agent answered something that was not asked.",
            ));
        }
        Err(error) => {
            let code = error.code.as_str();
            return Err(GraphError::new(StatusCode::BAD_REQUEST, code, error.message));
        }
    };
    let now = request.shared.now();
    let discovered = now
        .format(&time::format_description::well_known::Rfc3339)
        .unwrap_or_default();
    Ok(Json(json!({
        "@odata.context": request.context("microsoft.graph.directoryDefinition"),
        "id": definition["id"],
        "name": definition["name"],
        "discoverabilities": DISCOVERABILITIES,
        "discoveryDateTime": discovered,
        "readOnly": false,
        "version": request.shared.uuid().to_string(),
        "objects": objects(&schema),
    })))
}

fn class_names(definition: &Value) -> Vec<String> {
    let objects = definition["objects"].as_array().into_iter().flatten();
    let names = objects.filter_map(|object| object["name"].as_str());
    // One more than is allowed, so that the limit is told and not a part asked.
    names
        .take(MAX_DISCOVERED_CLASSES + 1)
        .map(str::to_owned)
        .collect()
}

/// `objectDefinition`s.
fn objects(schema: &DirectorySchema) -> Vec<Value> {
    let names: Vec<&str> = schema.objects.iter().map(|object| object.name.as_str()).collect();
    let show = |object: &ObjectDefinition| {
        let attributes = object.attributes.iter().map(|known| attribute(known, &names));
        json!({ "name": object.name, "metadata": [], "attributes": attributes.collect::<Vec<Value>>() })
    };
    schema.objects.iter().map(show).collect()
}

/// An `attributeDefinition` in all its members. Which classes a reference leads to is not told by the schema: any of the definition (inferred).
fn attribute(known: &AttributeDefinition, classes: &[&str]) -> Value {
    let referenced: Vec<Value> = if known.kind == AttributeType::Reference {
        let each = |name: &&str| json!({ "referencedObjectName": name, "referencedProperty": null });
        classes.iter().map(each).collect()
    } else {
        Vec::new()
    };
    json!({
        "anchor": known.name == ANCHOR,
        "apiExpressions": [],
        "caseExact": false,
        "defaultValue": null,
        "flowNullValues": false,
        "metadata": [],
        "multivalued": known.multivalued,
        "mutability": if known.read_only { "ReadOnly" } else { "ReadWrite" },
        "name": known.name,
        "referencedObjects": referenced,
        "required": known.required,
        "type": format!("{:?}", known.kind),
    })
}

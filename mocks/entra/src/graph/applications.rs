//! Instantiating the cloud sync template, and the service principals that configurations are (CS 6.1 row 2).

use axum::Json;
use axum::extract::Path;
use http::StatusCode;
use provlab_platform::Entropy;
use provlab_protocol::oauth::{PROVISIONING_APPLICATION_TEMPLATE_ID, role_by_name};
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use time::OffsetDateTime;
use uuid::Uuid;

use super::GraphError;
use super::objects::graph_time;
use super::query::{Shape, list as page, select};
use super::request::{JsonBody, Request};
use crate::engine::{SyncJob, jobs};
use crate::state::{
    Application, Cloud, CredentialState, PasswordVerifier, ServicePrincipal, Tenant, Txn, User,
};

/// Display name of the template and of what it makes first (CS 6.1).
const TEMPLATE_NAME: &str = "Active Directory to Azure Active Directory Provisioning";
const SERVICE_PRINCIPAL_NAME: &str =
    "http://adapplicationregistry.onmicrosoft.com/adprovisioningtoaad/primary";
const HOMEPAGE: &str = "https://account.activedirectory.windowsazure.com:444/applications/default.aspx?metadata=AD2AADProvisioning|ISV9.1|primary|z";
const SYNC_ACCOUNT_PREFIX: &str = "ADToAADSyncServiceAccount";
const SYNC_ACCOUNT_NAME: &str = "On-Premises Directory Synchronization Service Account";
const SYNC_ACCOUNT_ROLE: &str = "Directory Synchronization Accounts";
/// Longest display name, in characters.
const MAX_DISPLAY_NAME: usize = 120;

const PROPERTIES: [&str; 13] = [
    "id",
    "deletedDateTime",
    "accountEnabled",
    "appDisplayName",
    "appId",
    "applicationTemplateId",
    "appOwnerOrganizationId",
    "createdDateTime",
    "displayName",
    "homepage",
    "servicePrincipalNames",
    "servicePrincipalType",
    "tags",
];

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Instantiate {
    display_name: String,
}

pub(super) async fn instantiate(
    request: Request,
    Path(template): Path<String>,
    JsonBody(body): JsonBody<Instantiate>,
) -> Result<(StatusCode, Json<Value>), GraphError> {
    if template.parse() != Ok(PROVISIONING_APPLICATION_TEMPLATE_ID) {
        return Err(GraphError::not_found(&template));
    }
    let name = body.display_name.trim();
    if name.is_empty() || name.chars().count() > MAX_DISPLAY_NAME {
        return Err(GraphError::bad_request(format!(
            "Property 'displayName' must have 1 to {MAX_DISPLAY_NAME} characters."
        )));
    }
    let now = request.shared.now();
    let application = Application {
        tenant: request.tenant,
        id: request.shared.uuid(),
        app_id: request.shared.uuid(),
        display_name: name.to_owned(),
        application_template_id: Some(PROVISIONING_APPLICATION_TEMPLATE_ID),
        secrets: Vec::new(),
        application_permissions: Vec::new(),
        delegated_permissions: Vec::new(),
        redirect_uris: Vec::new(),
        created: now,
    };
    let principal = ServicePrincipal {
        tenant: request.tenant,
        id: request.shared.uuid(),
        app_id: application.app_id,
        display_name: name.to_owned(),
        application_template_id: Some(PROVISIONING_APPLICATION_TEMPLATE_ID),
        service_principal_names: vec![application.app_id.to_string(), SERVICE_PRINCIPAL_NAME.to_owned()],
        account_enabled: true,
        secrets: Vec::new(),
        created: now,
    };
    let account = request.shared.uuid();
    let answer = json!({
        "@odata.context": request.context("microsoft.graph.applicationServicePrincipal"),
        "application": {
            "objectId": application.id,
            "appId": application.app_id,
            "applicationTemplateId": application.application_template_id,
            "displayName": name,
            "homepage": HOMEPAGE,
            "identifierUris": [],
            "publicClient": null,
            "replyUrls": [],
            "logoutUrl": null,
            "samlMetadataUrl": null,
            "errorUrl": null,
            "groupMembershipClaims": null,
            "availableToOtherTenants": false,
            "requiredResourceAccess": [],
            "keyCredentials": [],
            "passwordCredentials": [],
        },
        "servicePrincipal": {
            "objectId": principal.id,
            "deletionTimestamp": null,
            "accountEnabled": true,
            "appId": principal.app_id,
            "appDisplayName": name,
            "applicationTemplateId": principal.application_template_id,
            "appOwnerOrganizationId": request.tenant,
            "appRoleAssignmentRequired": false,
            "displayName": name,
            "errorUrl": null,
            "loginUrl": null,
            "logoutUrl": null,
            "homepage": HOMEPAGE,
            "samlMetadataUrl": null,
            "microsoftFirstParty": null,
            "publisherName": TEMPLATE_NAME,
            "preferredTokenSigningKeyThumbprint": null,
            "replyUrls": [],
            "servicePrincipalNames": principal.service_principal_names,
            "tags": ["WindowsAzureActiveDirectoryIntegratedApp"],
            "notificationEmailAddresses": [],
            "keyCredentials": [],
            "passwordCredentials": [],
        },
    });
    request.shared.db.write(|txn| {
        add_sync_account(
            txn,
            request.tenant,
            account,
            now,
            &request.shared.platform.entropy,
        )?;
        txn.put(application);
        txn.put(principal);
        Ok((StatusCode::CREATED, Json(answer)))
    })
}

/// The account that every configuration of a tenant shares (CS 1.5).
fn add_sync_account(
    txn: &mut Txn<'_>,
    tenant: Uuid,
    id: Uuid,
    now: OffsetDateTime,
    entropy: &Entropy,
) -> Result<(), GraphError> {
    let domain = txn
        .cloud()
        .tenants
        .get(tenant, &tenant.to_string())
        .map(|row: &Tenant| row.initial_domain.clone())
        .ok_or_else(|| GraphError::not_found(&tenant.to_string()))?;
    let name = format!("{SYNC_ACCOUNT_PREFIX}@{domain}");
    if txn.cloud().user_named(tenant, &name).is_some() {
        return Ok(());
    }
    let mut account = User::new(tenant, id, &name, now);
    account.display_name = Some(SYNC_ACCOUNT_NAME.to_owned());
    account.mail_nickname = Some(SYNC_ACCOUNT_PREFIX.to_owned());
    account.credential = Some(unknown_password(entropy));
    account
        .roles
        .extend(role_by_name(SYNC_ACCOUNT_ROLE).map(|role| role.template_id));
    txn.put(account);
    Ok(())
}

/// A password that nobody knows; it can expire all the same.
fn unknown_password(entropy: &Entropy) -> CredentialState {
    let entropy = entropy.fork(SYNC_ACCOUNT_PREFIX);
    let password = SecretString::from(entropy.uuid().to_string());
    CredentialState {
        verifier: PasswordVerifier::new(&password, &entropy),
        expired: false,
        multi_factor: false,
        blocked: false,
    }
}

pub(super) async fn service_principals(request: Request) -> Result<Json<Value>, GraphError> {
    let context = request.context("servicePrincipals");
    let shape = Shape {
        context: &context,
        address: &request.address,
        type_name: "microsoft.graph.servicePrincipal",
        known: &PROPERTIES,
        defaults: &[],
    };
    request.shared.db.read(|cloud| {
        page(
            cloud.service_principals.of(request.tenant).map(to_json),
            &request.options,
            &shape,
        )
        .map(Json)
    })
}

pub(super) async fn service_principal(
    request: Request,
    Path(id): Path<String>,
) -> Result<Json<Value>, GraphError> {
    request.shared.db.read(|cloud| {
        let principal = find(cloud, request.tenant, &id)?;
        let mut body = Map::new();
        body.insert(
            "@odata.context".to_owned(),
            json!(request.context("servicePrincipals/$entity")),
        );
        body.extend(select(to_json(principal), request.options.select.as_deref(), &[]));
        Ok(Json(Value::Object(body)))
    })
}

/// Deletes a configuration with its jobs; synchronized objects stay (CS 5.1).
pub(super) async fn delete_service_principal(
    request: Request,
    Path(id): Path<String>,
) -> Result<StatusCode, GraphError> {
    request.shared.db.write(|txn| {
        let principal = find(txn.cloud(), request.tenant, &id)?.clone();
        let ids: Vec<String> = jobs::of_service_principal(txn.cloud(), request.tenant, principal.id)
            .map(|row: &SyncJob| row.job.id.clone())
            .collect();
        for id in ids {
            jobs::delete(txn, request.tenant, &id);
            super::synchronization::forget_schema(txn, request.tenant, &id);
        }
        txn.remove::<ServicePrincipal>(request.tenant, &principal.id.to_string());
        Ok(StatusCode::NO_CONTENT)
    })
}

/// A service principal by object id.
pub(super) fn find<'a>(cloud: &'a Cloud, tenant: Uuid, id: &str) -> Result<&'a ServicePrincipal, GraphError> {
    cloud
        .service_principals
        .get(tenant, &id.to_lowercase())
        .ok_or_else(|| GraphError::not_found(id))
}

fn to_json(principal: &ServicePrincipal) -> Map<String, Value> {
    let homepage = principal.application_template_id.map(|_| HOMEPAGE);
    let values = [
        json!(principal.id),
        Value::Null,
        json!(principal.account_enabled),
        json!(principal.display_name),
        json!(principal.app_id),
        json!(principal.application_template_id),
        json!(principal.tenant),
        graph_time(principal.created),
        json!(principal.display_name),
        json!(homepage),
        json!(principal.service_principal_names),
        json!("Application"),
        json!(["WindowsAzureActiveDirectoryIntegratedApp"]),
    ];
    PROPERTIES
        .iter()
        .map(|name| (*name).to_owned())
        .zip(values)
        .collect()
}

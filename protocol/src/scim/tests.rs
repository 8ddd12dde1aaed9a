#![allow(clippy::unwrap_used)]

use indexmap::IndexMap;
use proptest::prelude::*;
use serde_json::json;
use uuid::{Uuid, uuid};

use super::{
    ChangeQuery, DomainPing, ErrorCode, GetObject, LdapErrorDetail, LinkReference, ListResponse,
    MAX_ATTRIBUTES, MAX_ATTRIBUTES_PER_RESOURCE, MAX_COUNT, MAX_RESOURCE_TYPES, MAX_WATERMARK_BYTES,
    ObjectId, Operation, OperationResult, Pong, ReplicaToken, Resource, ResourceType, ScimError, Watermark,
};

const GUID: Uuid = uuid!("11223344-5566-7788-99aa-bbccddeeff00");

fn replica() -> ReplicaToken {
    ReplicaToken {
        invocation_id: GUID,
        name: "dc1.contoso.com".to_owned(),
    }
}

/// Writes, compares with the documented JSON, reads back.
fn same<T>(value: &T, documented: serde_json::Value)
where
    T: serde::Serialize + serde::de::DeserializeOwned + PartialEq + std::fmt::Debug,
{
    assert_eq!(serde_json::to_string(value).unwrap(), documented.to_string());
    assert_eq!(serde_json::from_value::<T>(documented).unwrap(), *value);
}

#[test]
fn operations_have_their_documented_form() {
    let types = vec![ResourceType::User, ResourceType::Group, ResourceType::Contact];
    same(
        &Operation::Query(ChangeQuery::new(
            "contoso.com",
            types,
            vec!["displayName".to_owned()],
            None,
            500,
        )),
        json!({"query": {"schemas": ["urn:provlab:params:scim:api:messages:1.0:ChangeQuery"], "domain": "contoso.com",
            "resourceTypes": ["User", "Group", "Contact"], "attributes": ["displayName"], "cookie": null, "count": 500}}),
    );
    let get = |id| {
        Operation::Get(GetObject {
            domain: "contoso.com".to_owned(),
            resource_type: ResourceType::User,
            id,
            attributes: Vec::new(),
        })
    };
    same(
        &get(ObjectId::Dn("CN=A,DC=contoso,DC=com".to_owned())),
        json!({"get": {"domain": "contoso.com", "resourceType": "User", "id": {"dn": "CN=A,DC=contoso,DC=com"}, "attributes": []}}),
    );
    same(
        &get(ObjectId::ObjectGuid(GUID)),
        json!({"get": {"domain": "contoso.com", "resourceType": "User", "id": {"objectGuid": "11223344-5566-7788-99aa-bbccddeeff00"}, "attributes": []}}),
    );
    same(
        &Operation::Ping(DomainPing {
            domain: "contoso.com".to_owned(),
        }),
        json!({"ping": {"domain": "contoso.com"}}),
    );
}

#[test]
fn results_have_their_documented_form() {
    let mut user = Resource {
        partial: true,
        ..Resource::new(ResourceType::User, GUID)
    };
    user.attributes
        .insert("displayName".to_owned(), vec!["A".to_owned()]);
    user.attributes.insert("title".to_owned(), Vec::new());
    user.links_added.insert(
        "member".to_owned(),
        vec![LinkReference {
            object_guid: GUID,
            dn: "CN=B".to_owned(),
        }],
    );
    same(
        &OperationResult::List(ListResponse::new(
            vec![user],
            Watermark(b"cookie".to_vec()),
            true,
            replica(),
        )),
        json!({"list": {"schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"], "totalResults": 1, "startIndex": 1, "itemsPerPage": 1,
            "Resources": [{"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", "urn:provlab:params:scim:schemas:extension:activeDirectory:1.0:Object"],
                "id": "11223344-5566-7788-99aa-bbccddeeff00", "meta": {"resourceType": "User"}, "deleted": false, "partial": true,
                "attributes": {"displayName": ["A"], "title": []},
                "linksAdded": {"member": [{"objectGuid": "11223344-5566-7788-99aa-bbccddeeff00", "dn": "CN=B"}]}}],
            "cookie": "Y29va2ll", "moreResults": true,
            "replicaToken": {"InvocationId": "11223344-5566-7788-99aa-bbccddeeff00", "Name": "dc1.contoso.com"}}}),
    );
    same(&OperationResult::Resource(None), json!({"resource": null}));
    let pong = Pong {
        domain: "contoso.com".to_owned(),
        domain_controller: "dc1.contoso.com".to_owned(),
    };
    same(
        &OperationResult::Pong(pong),
        json!({"pong": {"domain": "contoso.com", "domainController": "dc1.contoso.com"}}),
    );
}

#[test]
fn errors_have_their_documented_form() {
    let diagnostic =
        "80090308: LdapErr: DSID-0C0903A9, comment: AcceptSecurityContext error, data 532, v1db1";
    let error = ScimError {
        message: "m".to_owned(),
        ..ScimError::from_ldap(49, diagnostic)
    };
    same(
        &error,
        json!({"code": "HybridSynchronizationActiveDirectoryInternalServerError", "message": "m",
            "ldap": {"resultCode": 49, "resultName": "invalidCredentials", "diagnostic": diagnostic}}),
    );
    let refused = ScimError::new(ErrorCode::CookieRefused, "");
    same(
        &refused,
        json!({"code": "cookieRefused", "message": "the directory does not accept the watermark", "ldap": null}),
    );
    let code = ScimError::from_ldap(50, "00002098: SecErr").code;
    assert_eq!(
        code,
        ErrorCode::HybridSynchronizationActiveDirectoryInsufficientAccessRights
    );
    assert_eq!(LdapErrorDetail::new(4_711, "").result_name, "other");
}

#[test]
fn unknown_codes_survive() {
    let read: ScimError = serde_json::from_str(r#"{"code":"FromTheFuture","message":"m"}"#).unwrap();
    assert_eq!(read.code, ErrorCode::Other("FromTheFuture".to_owned()));
    assert_eq!(read.to_string(), "FromTheFuture: m");
    assert_eq!(ErrorCode::from("TimeOut"), ErrorCode::TimeOut);
}

#[test]
fn attribute_names_are_found_without_regard_to_case() {
    let mut user = Resource::new(ResourceType::User, GUID);
    user.attributes
        .insert("sAMAccountName".to_owned(), vec!["a".to_owned()]);
    assert_eq!(user.first("samaccountname"), Some("a"));
    assert_eq!(user.values("cn"), None);
}

#[test]
fn counts_are_bounded() {
    let query = |types: usize, attributes: usize, count: u32, cookie: usize| {
        let types = vec![ResourceType::User; types];
        let attributes = vec![String::new(); attributes];
        Operation::Query(ChangeQuery::new(
            "d",
            types,
            attributes,
            Some(Watermark(vec![0; cookie])),
            count,
        ))
        .check_limits()
    };
    assert_eq!(
        query(MAX_RESOURCE_TYPES, MAX_ATTRIBUTES, MAX_COUNT, MAX_WATERMARK_BYTES),
        Ok(())
    );
    assert_eq!(
        query(MAX_RESOURCE_TYPES + 1, 0, 0, 0).unwrap_err().what,
        "resourceTypes"
    );
    assert_eq!(query(0, MAX_ATTRIBUTES + 1, 0, 0).unwrap_err().what, "attributes");
    assert_eq!(query(0, 0, MAX_COUNT + 1, 0).unwrap_err().what, "count");
    assert_eq!(
        query(0, 0, 0, MAX_WATERMARK_BYTES + 1).unwrap_err().what,
        "cookie"
    );
    let resource = |attributes: usize| {
        let attributes: IndexMap<String, Vec<String>> = (0..attributes)
            .map(|index| (index.to_string(), Vec::new()))
            .collect();
        OperationResult::Resource(Some(Resource {
            attributes,
            ..Resource::new(ResourceType::User, GUID)
        }))
        .check_limits()
    };
    assert_eq!(resource(MAX_ATTRIBUTES_PER_RESOURCE), Ok(()));
    assert_eq!(
        resource(MAX_ATTRIBUTES_PER_RESOURCE + 1).unwrap_err().what,
        "attributes"
    );
    let list = |resources: usize| {
        let resources = vec![Resource::new(ResourceType::User, GUID); resources];
        OperationResult::List(ListResponse::new(
            resources,
            Watermark::default(),
            false,
            replica(),
        ))
        .check_limits()
    };
    let limit = usize::try_from(MAX_COUNT).unwrap();
    assert_eq!(list(limit), Ok(()));
    assert_eq!(list(limit + 1).unwrap_err().what, "Resources");
}

proptest! {
    #[test]
    fn watermarks_round_trip(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
        let text = serde_json::to_string(&Watermark(bytes.clone())).unwrap();
        prop_assert_eq!(serde_json::from_str::<Watermark>(&text).unwrap().0, bytes);
    }

    #[test]
    fn arbitrary_text_is_survived(text in ".{0,200}") {
        let _ = serde_json::from_str::<Operation>(&text);
        let _ = serde_json::from_str::<OperationResult>(&text);
        let _ = serde_json::from_str::<Watermark>(&serde_json::to_string(&text).unwrap());
    }
}

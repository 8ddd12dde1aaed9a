#![allow(clippy::unwrap_used)]

use indexmap::IndexMap;
use proptest::prelude::*;
use serde_json::json;
use time::macros::datetime;
use uuid::{Uuid, uuid};

use super::{
    AttributeDefinition, AttributeType, ChangeQuery, Credential, CredentialPage, CredentialQuery,
    DeleteGroup, DirectorySchema, Discover, DomainPing, ErrorCode, GetObject, GroupAction, GroupDeleted,
    GroupWritten, LdapErrorDetail, LinkReference, ListMembers, ListResponse, MAX_ATTRIBUTES,
    MAX_ATTRIBUTES_PER_RESOURCE, MAX_COUNT, MAX_CREDENTIALS, MAX_DISCOVERED_ATTRIBUTES,
    MAX_DISCOVERED_CLASSES, MAX_GROUP_ATTRIBUTES, MAX_GROUP_VALUE_BYTES, MAX_GROUP_VALUES,
    MAX_MEMBER_CHANGES, MAX_MEMBERS_PER_PAGE, MAX_RESOURCE_TYPES, MAX_SCHEMA_NAME_BYTES, MAX_WATERMARK_BYTES,
    MemberPage, ObjectDefinition, ObjectId, Operation, OperationResult, Pong, PutGroup, ReplicaToken,
    Resource, ResourceType, ScimError, Watermark,
};
use crate::dn::MAX_DN_BYTES;
use crate::nt_hash::nt_hash;
use crate::password_hash::PasswordHash;

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
fn writes_have_their_documented_form() {
    let id = "11223344-5566-7788-99aa-bbccddeeff00";
    let mut put = PutGroup::new("contoso.com", "Group_1", "OU=Groups,DC=contoso,DC=com", "Sales_1");
    put.id = Some(GUID);
    put.attributes
        .insert("displayName".to_owned(), vec!["Sales".to_owned()]);
    put.attributes.insert("description".to_owned(), Vec::new());
    let mut documented = json!({"putGroup": {"schemas": ["urn:provlab:params:scim:api:messages:1.0:GroupWrite"], "domain": "contoso.com",
        "id": id, "externalId": "Group_1", "parent": "OU=Groups,DC=contoso,DC=com", "name": "Sales_1",
        "attributes": {"displayName": ["Sales"], "description": []}}});
    same(&Operation::PutGroup(put.clone()), documented.clone());
    put.only_at_creation.push("cn".to_owned());
    put.members_added.push(GUID);
    put.members_removed.push(Uuid::nil());
    documented["putGroup"]["onlyAtCreation"] = json!(["cn"]);
    documented["putGroup"]["membersAdded"] = json!([id]);
    documented["putGroup"]["membersRemoved"] = json!([Uuid::nil()]);
    same(&Operation::PutGroup(put), documented);
    let written = GroupWritten {
        id: GUID,
        dn: "CN=Sales_1,OU=Groups,DC=contoso,DC=com".to_owned(),
        action: GroupAction::Updated,
        changed: vec!["description".to_owned()],
        members_added: 1,
        members_removed: 0,
        unresolved: vec![GUID],
    };
    same(
        &OperationResult::Group(written),
        json!({"group": {"id": id, "dn": "CN=Sales_1,OU=Groups,DC=contoso,DC=com", "action": "updated",
            "changed": ["description"], "membersAdded": 1, "membersRemoved": 0, "unresolved": [id]}}),
    );
    let delete = DeleteGroup {
        domain: "contoso.com".to_owned(),
        external_id: "Group_1".to_owned(),
    };
    same(
        &Operation::DeleteGroup(delete),
        json!({"deleteGroup": {"domain": "contoso.com", "externalId": "Group_1"}}),
    );
    same(
        &OperationResult::Deleted(GroupDeleted { id: None }),
        json!({"deleted": {"id": null}}),
    );
    let list = ListMembers {
        domain: "contoso.com".to_owned(),
        id: GUID,
        start_index: 1,
        count: 5_000,
    };
    same(
        &Operation::ListMembers(list),
        json!({"listMembers": {"domain": "contoso.com", "id": id, "startIndex": 1, "count": 5_000}}),
    );
    let page = MemberPage {
        members: vec![GUID],
        next_index: Some(2),
    };
    same(
        &OperationResult::Members(Some(page)),
        json!({"members": {"members": [id], "nextIndex": 2}}),
    );
    same(&OperationResult::Members(None), json!({"members": null}));
}

#[test]
fn discovery_has_its_documented_form() {
    let discover = Discover {
        domain: "contoso.com".to_owned(),
        object_classes: vec!["group".to_owned()],
    };
    same(
        &Operation::Discover(discover),
        json!({"discover": {"domain": "contoso.com", "objectClasses": ["group"]}}),
    );
    let member = AttributeDefinition {
        name: "member".to_owned(),
        kind: AttributeType::Reference,
        multivalued: true,
        required: false,
        read_only: false,
    };
    let group = ObjectDefinition {
        name: "group".to_owned(),
        attributes: vec![member],
    };
    same(
        &OperationResult::Schema(DirectorySchema { objects: vec![group] }),
        json!({"schema": {"objects": [{"name": "group", "attributes": [
            {"name": "member", "type": "Reference", "multivalued": true, "required": false, "readOnly": false}]}]}}),
    );
}

#[test]
fn credentials_have_their_documented_form() {
    let id = "11223344-5566-7788-99aa-bbccddeeff00";
    let text = "v1;PPH1_MD4,00112233445566778899,1000,94a68fa1cbc5cffd6cdc2d53791f3ff82bd5f7f1f380c8ab0be09162509a3994;";
    let cookie = Watermark(b"cookie".to_vec());
    same(
        &Operation::QueryCredentials(CredentialQuery::new("contoso.com", Some(cookie.clone()), 50)),
        json!({"queryCredentials": {"schemas": ["urn:provlab:params:scim:api:messages:1.0:CredentialQuery"], "domain": "contoso.com",
            "cookie": "Y29va2ll", "count": 50}}),
    );
    let credential = Credential {
        id: GUID,
        credential_data: PasswordHash::from_text(text).unwrap(),
        change_date: Some(datetime!(2026-03-02 08:00 UTC)),
        must_change_at_logon: false,
    };
    let unknown = Credential {
        change_date: None,
        must_change_at_logon: true,
        ..credential.clone()
    };
    same(
        &OperationResult::Credentials(CredentialPage::new(
            vec![credential, unknown],
            cookie,
            true,
            replica(),
        )),
        json!({"credentials": {"schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"],
            "Resources": [
                {"id": id, "credentialData": text, "changeDate": "2026-03-02T08:00:00Z", "mustChangeAtLogon": false},
                {"id": id, "credentialData": text, "changeDate": null, "mustChangeAtLogon": true}],
            "cookie": "Y29va2ll", "moreResults": true,
            "replicaToken": {"InvocationId": id, "Name": "dc1.contoso.com"}}}),
    );
    same(
        &ScimError::not_fips_validated(),
        json!({"code": "HybridSynchronizationActiveDirectoryInternalServerError",
            "message": "This implementation is not part of the Windows Platform FIPS validated cryptographic algorithms.",
            "ldap": null}),
    );
}

#[test]
fn credentials_are_bounded() {
    let query = |count: u32, cookie: usize| {
        let cookie = Some(Watermark(vec![0; cookie]));
        broken(&Operation::QueryCredentials(CredentialQuery::new(
            "d", cookie, count,
        )))
    };
    assert_eq!(query(MAX_CREDENTIALS, MAX_WATERMARK_BYTES), None);
    assert_eq!(query(MAX_CREDENTIALS + 1, 0), Some("count"));
    assert_eq!(query(0, MAX_WATERMARK_BYTES + 1), Some("cookie"));
    let page = |count: u32, cookie: usize| {
        let credential = Credential {
            id: GUID,
            credential_data: PasswordHash::derive(&nt_hash(""), [0; 10]),
            change_date: None,
            must_change_at_logon: false,
        };
        let resources = vec![credential; usize::try_from(count).unwrap()];
        let page = CredentialPage::new(resources, Watermark(vec![0; cookie]), false, replica());
        let result = OperationResult::Credentials(page);
        result.check_limits().err().map(|limit| limit.what)
    };
    assert_eq!(page(MAX_CREDENTIALS, MAX_WATERMARK_BYTES), None);
    assert_eq!(page(MAX_CREDENTIALS + 1, 0), Some("Resources"));
    assert_eq!(page(0, MAX_WATERMARK_BYTES + 1), Some("cookie"));
}

#[test]
fn a_kind_from_the_future_is_no_broken_message() {
    let read = |text: &str| serde_json::from_str::<Operation>(text);
    assert_eq!(
        read(r#"{"resetPassword":{"domain":"contoso.com"}}"#).unwrap(),
        Operation::Unknown("resetPassword".to_owned())
    );
    for broken in [
        "{}",
        r#""ping""#,
        r#"{"ping":{"domain":"a"},"get":null}"#,
        r#"{"ping":{}}"#,
    ] {
        assert!(read(broken).is_err(), "{broken}");
    }
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

/// The limit that a request breaks.
fn broken(operation: &Operation) -> Option<&'static str> {
    operation.check_limits().err().map(|limit| limit.what)
}

#[test]
fn writes_are_bounded() {
    let put = |change: &dyn Fn(&mut PutGroup)| {
        let mut put = PutGroup::new("d", "Group_1", "DC=d", "n");
        change(&mut put);
        broken(&Operation::PutGroup(put))
    };
    let attributes = |count: usize, values: usize, bytes: usize| {
        move |put: &mut PutGroup| {
            put.attributes = (0..count)
                .map(|index| (index.to_string(), vec!["x".repeat(bytes); values]))
                .collect();
        }
    };
    let members = |added: usize, removed: usize| {
        move |put: &mut PutGroup| {
            put.members_added = vec![GUID; added];
            put.members_removed = vec![GUID; removed];
        }
    };
    let half = MAX_MEMBER_CHANGES / 2;
    assert_eq!(put(&members(half, MAX_MEMBER_CHANGES - half)), None);
    assert_eq!(
        put(&members(half, MAX_MEMBER_CHANGES - half + 1)),
        Some("membersAdded and membersRemoved")
    );
    assert_eq!(put(&attributes(MAX_GROUP_ATTRIBUTES, 1, 1)), None);
    assert_eq!(
        put(&attributes(MAX_GROUP_ATTRIBUTES + 1, 1, 1)),
        Some("attributes")
    );
    assert_eq!(put(&attributes(1, MAX_GROUP_VALUES, MAX_GROUP_VALUE_BYTES)), None);
    assert_eq!(
        put(&attributes(1, MAX_GROUP_VALUES + 1, 1)),
        Some("values of an attribute")
    );
    assert_eq!(
        put(&attributes(1, 1, MAX_GROUP_VALUE_BYTES + 1)),
        Some("value of an attribute")
    );
    let text = |bytes: usize| "x".repeat(bytes);
    assert_eq!(put(&|put| put.parent = text(MAX_DN_BYTES)), None);
    assert_eq!(put(&|put| put.parent = text(MAX_DN_BYTES + 1)), Some("parent"));
    let only = |count| move |put: &mut PutGroup| put.only_at_creation = vec![String::new(); count];
    assert_eq!(put(&only(MAX_GROUP_ATTRIBUTES + 2)), None);
    assert_eq!(put(&only(MAX_GROUP_ATTRIBUTES + 3)), Some("onlyAtCreation"));
    assert_eq!(put(&|put| put.name = text(MAX_GROUP_VALUE_BYTES)), None);
    assert_eq!(
        put(&|put| put.name = text(MAX_GROUP_VALUE_BYTES + 1)),
        Some("name")
    );
    let delete = |bytes| {
        broken(&Operation::DeleteGroup(DeleteGroup {
            domain: "d".to_owned(),
            external_id: text(bytes),
        }))
    };
    assert_eq!(delete(MAX_GROUP_VALUE_BYTES), None);
    assert_eq!(delete(MAX_GROUP_VALUE_BYTES + 1), Some("externalId"));
    assert_eq!(
        put(&|put| put.external_id = text(MAX_GROUP_VALUE_BYTES + 1)),
        Some("externalId")
    );
    let list = |count| {
        let (domain, id, start_index) = ("d".to_owned(), GUID, 1);
        broken(&Operation::ListMembers(ListMembers {
            domain,
            id,
            start_index,
            count,
        }))
    };
    assert_eq!(list(MAX_MEMBERS_PER_PAGE), None);
    assert_eq!(list(MAX_MEMBERS_PER_PAGE + 1), Some("count"));
}

#[test]
fn discovery_is_bounded() {
    let discover = |classes: usize, bytes: usize| {
        broken(&Operation::Discover(Discover {
            domain: "d".to_owned(),
            object_classes: vec!["x".repeat(bytes); classes],
        }))
    };
    assert_eq!(discover(MAX_DISCOVERED_CLASSES, MAX_SCHEMA_NAME_BYTES), None);
    assert_eq!(discover(MAX_DISCOVERED_CLASSES + 1, 1), Some("objectClasses"));
    assert_eq!(
        discover(1, MAX_SCHEMA_NAME_BYTES + 1),
        Some("name of an objectClass")
    );
}

#[test]
fn what_writes_and_discovery_answer_is_bounded() {
    let broken = |result: OperationResult| result.check_limits().err().map(|limit| limit.what);
    let page = |count: usize| {
        let members = vec![GUID; count];
        broken(OperationResult::Members(Some(MemberPage {
            members,
            next_index: None,
        })))
    };
    let most = usize::try_from(MAX_MEMBERS_PER_PAGE).unwrap();
    assert_eq!(page(most), None);
    assert_eq!(page(most + 1), Some("members"));
    let written = |changed: usize, unresolved: usize| {
        broken(OperationResult::Group(GroupWritten {
            id: GUID,
            dn: String::new(),
            action: GroupAction::Unchanged,
            changed: vec![String::new(); changed],
            members_added: 0,
            members_removed: 0,
            unresolved: vec![GUID; unresolved],
        }))
    };
    assert_eq!(written(MAX_GROUP_ATTRIBUTES + 2, MAX_MEMBER_CHANGES), None);
    assert_eq!(written(MAX_GROUP_ATTRIBUTES + 3, 0), Some("changed"));
    assert_eq!(written(0, MAX_MEMBER_CHANGES + 1), Some("unresolved"));
    let schema = |objects: usize, attributes: usize| {
        let attribute = AttributeDefinition {
            name: String::new(),
            kind: AttributeType::String,
            multivalued: false,
            required: false,
            read_only: false,
        };
        let object = ObjectDefinition {
            name: String::new(),
            attributes: vec![attribute; attributes],
        };
        broken(OperationResult::Schema(DirectorySchema {
            objects: vec![object; objects],
        }))
    };
    assert_eq!(schema(MAX_DISCOVERED_CLASSES, 1), None);
    assert_eq!(schema(MAX_DISCOVERED_CLASSES + 1, 0), Some("objects"));
    assert_eq!(schema(1, MAX_DISCOVERED_ATTRIBUTES), None);
    assert_eq!(
        schema(1, MAX_DISCOVERED_ATTRIBUTES + 1),
        Some("attributes of an object")
    );
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

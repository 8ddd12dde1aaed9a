//! The valid messages that attacks are made from: recorded ones, and requests for what the agent never asks.

use std::collections::BTreeSet;

use super::{
    mutate::find,
    victim::{Tokens, Victim},
};

/// A valid message in which marks stand for what changes over time. The marks are short, so that damage seldom hits
/// what they stand for and gets past the check of authorizations.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Sample(Vec<u8>);

const GRAPH_TOKEN: &[u8] = b"<<graph>>";
const AGENT_TOKEN: &[u8] = b"<<agent>>";
const LISTENER: &[u8] = b"<<listener>>";

/// How a bearer token begins: `{"` in base64.
const TOKEN_START: &[u8] = b"eyJ";
/// How a listener's authorization begins.
const LISTENER_START: &[u8] = b"SharedAccessSignature ";

impl Sample {
    /// A message in which marks replace every authorization.
    pub fn of(bytes: &[u8], host: &str) -> Self {
        let token = if host.starts_with("graph.") {
            GRAPH_TOKEN
        } else {
            AGENT_TOKEN
        };
        let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        let marked = replaced(bytes, TOKEN_START, is_token, token);
        Self(replaced(&marked, LISTENER_START, |byte| byte != b'\r', LISTENER))
    }

    /// The message with its marks.
    pub fn marked(&self) -> Vec<u8> {
        self.0.clone()
    }

    /// The message as it is valid now.
    pub fn render(&self, tokens: &Tokens) -> Vec<u8> {
        fill(&self.0, tokens)
    }
}

/// Puts what is valid now in the place of marks.
pub fn fill(marked: &[u8], tokens: &Tokens) -> Vec<u8> {
    let mut bytes = marked.to_vec();
    for (mark, value) in [
        (GRAPH_TOKEN, &tokens.graph),
        (AGENT_TOKEN, &tokens.agent),
        (LISTENER, &tokens.listener),
    ] {
        bytes = replaced(&bytes, mark, |_| false, value.as_bytes());
    }
    bytes
}

/// The bytes with another text for everything that begins with `start` and goes on as `is_part` says.
fn replaced(bytes: &[u8], start: &[u8], is_part: impl Fn(u8) -> bool, by: &[u8]) -> Vec<u8> {
    let mut result = Vec::new();
    let mut rest = bytes;
    while let Some(at) = find(rest, start) {
        result.extend_from_slice(&rest[..at]);
        result.extend_from_slice(by);
        let after = &rest[at + start.len()..];
        rest = &after[after.iter().take_while(|byte| is_part(**byte)).count()..];
    }
    result.extend_from_slice(rest);
    result
}

/// What clients said to a port behind TLS: the handshake's records, and what followed them.
fn split_records(said: &[u8]) -> (Vec<Vec<u8>>, &[u8]) {
    let mut records = Vec::new();
    let mut rest = said;
    while let [0x16, 3, 1, high, low, ..] = rest {
        let length = 5 + usize::from(u16::from_be_bytes([*high, *low]));
        let Some((record, after)) = rest.split_at_checked(length) else {
            break;
        };
        records.push(record.to_vec());
        rest = after;
    }
    (records, rest)
}

/// The handshakes that were recorded, as one message each.
pub fn handshakes(victim: &Victim) -> Vec<Sample> {
    let all = victim
        .recorded
        .iter()
        .map(|talk| split_records(&talk.said).0.concat());
    let all: BTreeSet<Vec<u8>> = all.filter(|records| !records.is_empty()).collect();
    all.iter().map(|records| Sample(records.clone())).collect()
}

/// The LDAP messages that were recorded.
pub fn ldap(victim: &Victim) -> Vec<Sample> {
    let mut messages = BTreeSet::new();
    for talk in victim
        .recorded
        .iter()
        .filter(|talk| matches!(talk.to.port, 389 | 636))
    {
        let (_, mut rest) = split_records(&talk.said);
        while let Some(length) = ldap_length(rest) {
            let Some((message, after)) = rest.split_at_checked(length) else {
                break;
            };
            messages.insert(message.to_vec());
            rest = after;
        }
    }
    assert!(
        messages.len() > 20,
        "only {} LDAP messages were recorded",
        messages.len()
    );
    let recorded = messages.into_iter().map(Sample);
    recorded
        .chain(super::ldap::requests().into_iter().map(Sample))
        .collect()
}

fn ldap_length(bytes: &[u8]) -> Option<usize> {
    let [0x30, first, rest @ ..] = bytes else {
        return None;
    };
    let count = usize::from(first & 0x7f);
    if first & 0x80 == 0 {
        return Some(2 + count);
    }
    let length = rest
        .get(..count)?
        .iter()
        .fold(0, |sum, byte| (sum << 8) | usize::from(*byte));
    Some(2 + count + length)
}

/// The HTTP requests that were recorded to hosts for which `to` holds.
pub fn http(victim: &Victim, to: impl Fn(&str) -> bool) -> Vec<Sample> {
    let talks = victim
        .recorded
        .iter()
        .filter(|talk| talk.to.port == 443 && to(&talk.to.host));
    talks
        .map(|talk| Sample::of(split_records(&talk.said).1, &talk.to.host))
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect()
}

/// A request made by hand; `token` is where the gap for one is.
fn request(host: &str, method: &str, path: &str, token: bool, media: &str, body: &str) -> Sample {
    let authorization = if token {
        "Authorization: Bearer eyJ\r\n"
    } else {
        ""
    };
    let content = if body.is_empty() {
        String::new()
    } else {
        format!("Content-Type: {media}\r\nContent-Length: {}\r\n", body.len())
    };
    let text = format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\n{authorization}{content}\r\n{body}");
    Sample::of(text.as_bytes(), host)
}

/// What else can be asked of the sign-in service.
pub fn login(victim: &Victim, host: &str) -> Vec<Sample> {
    let tenant = &victim.tenant;
    let get = |path: &str| request(host, "GET", path, false, "", "");
    let form = |path: &str, body: &str| {
        request(
            host,
            "POST",
            path,
            false,
            "application/x-www-form-urlencoded",
            body,
        )
    };
    let token = format!("/{tenant}/oauth2/v2.0/token");
    let client = "client_id=cb1056e2-e479-49de-ae31-7812af012ed8";
    vec![
        get("/common/discovery/keys"),
        get(
            "/common/discovery/instance?api-version=1.1&authorization_endpoint=https%3A%2F%2Flogin.microsoftonline.com%2Fcommon%2Foauth2%2Fv2.0%2Fauthorize",
        ),
        get("/common/userrealm/hybrid-admin@contoso.onmicrosoft.com?api-version=1.0"),
        get(&format!("/{tenant}/v2.0/.well-known/openid-configuration")),
        get(&format!(
            "/{tenant}/oauth2/v2.0/authorize?{client}&response_type=code&redirect_uri=http%3A%2F%2Flocalhost&scope=openid&state=1"
        )),
        form(
            &token,
            &format!("grant_type=password&{client}&username=a%40b&password=x&scope=openid"),
        ),
        form(
            &token,
            &format!(
                "grant_type=client_credentials&{client}&client_secret=x&scope=https%3A%2F%2Fgraph.microsoft.com%2F.default"
            ),
        ),
        form(
            &token,
            &format!("grant_type=refresh_token&{client}&refresh_token=0.AAAA&scope=openid"),
        ),
        form(
            &token,
            &format!(
                "grant_type=authorization_code&{client}&code=x&redirect_uri=http%3A%2F%2Flocalhost&code_verifier=y"
            ),
        ),
        form(
            &token,
            &format!("grant_type=urn:ietf:params:oauth:grant-type:device_code&{client}&device_code=x"),
        ),
        form(
            &format!("/{tenant}/oauth2/v2.0/devicecode"),
            &format!("{client}&scope=openid"),
        ),
        form("/common/oauth2/deviceauth", "otc=ABCDEFGH&login=a&passwd=b"),
    ]
}

/// What else can be asked of Graph.
pub fn graph(host: &str) -> Vec<Sample> {
    let get = |path: &str| request(host, "GET", path, true, "", "");
    let post = |path: &str, body: &str| request(host, "POST", path, true, "application/json", body);
    let none = "00000000-0000-0000-0000-000000000000";
    let batch = format!(
        r#"{{"requests":[{{"id":"1","method":"GET","url":"/users?$top=1"}},{{"id":"2","dependsOn":["1"],"method":"GET","url":"/groups/{none}"}},{{"id":"3","method":"POST","url":"/directory/deletedItems/{none}/restore","headers":{{"Content-Type":"application/json"}},"body":{{}}}}]}}"#
    );
    let jobs = format!("/beta/servicePrincipals/{none}/synchronization/jobs");
    vec![
        get("/v1.0/organization"),
        get("/v1.0/me"),
        get(
            "/v1.0/users?$filter=startswith(displayName,'a')%20and%20accountEnabled%20eq%20true&$select=id,displayName&$orderby=displayName&$top=3&$count=true",
        ),
        get(
            "/v1.0/users?$filter=not(userPrincipalName%20eq%20'a''b')%20or%20(department%20in%20('a','b'))&$expand=manager",
        ),
        get("/v1.0/users/delta?$select=displayName"),
        get("/v1.0/users/delta?$deltatoken=latest"),
        get(&format!("/v1.0/users/{none}/transitiveMemberOf")),
        get("/v1.0/users/$count"),
        get("/v1.0/groups?$search=%22displayName:a%22&$top=999"),
        get("/v1.0/groups/delta()"),
        get("/v1.0/directory/deletedItems/microsoft.graph.user?$top=1"),
        get("/beta/onPremisesPublishingProfiles/provisioning/agents?$expand=agentGroups"),
        get(&format!("{jobs}/a/schema")),
        post("/v1.0/$batch", &batch),
        post(
            &format!("{jobs}/a/restart"),
            r#"{"criteria":{"resetScope":"Full"}}"#,
        ),
        post(
            &format!("{jobs}/a/validateCredentials"),
            r#"{"credentials":[{"key":"Domain","value":"{\"domain\":\"contoso.com\"}"}]}"#,
        ),
        request(
            host,
            "PUT",
            &format!("{jobs}/a/schema"),
            true,
            "application/json",
            r#"{"id":"a","synchronizationRules":[{"objectMappings":[{"attributeMappings":[{"source":{"expression":"[a]"}}]}]}],"directories":[]}"#,
        ),
        request(
            host,
            "PATCH",
            "/v1.0/organization/a",
            true,
            "application/json",
            r#"{"onPremisesSyncEnabled":true}"#,
        ),
        request(
            host,
            "DELETE",
            &format!("/v1.0/directory/deletedItems/{none}"),
            true,
            "",
            "",
        ),
    ]
}

/// HTTP requests that aim at one limit each, for a host and one of its valid requests' paths.
pub fn designed_http(host: &str, path: &str) -> Vec<(&'static str, Vec<u8>)> {
    let get = |path: &str, headers: &str| {
        format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n{headers}\r\n").into_bytes()
    };
    let post = |headers: &str, body: &str| {
        format!("POST {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer eyJ.eyJ.x\r\n{headers}Content-Length: {}\r\n\r\n{body}", body.len())
            .into_bytes()
    };
    let json = "Content-Type: application/json\r\n";
    let xml = "Content-Type: application/xml; charset=utf-8\r\n";
    let form = "Content-Type: application/x-www-form-urlencoded\r\n";
    vec![
        ("a path of 100 kB", get(&format!("/{}", "a".repeat(100_000)), "")),
        ("a path of 5000 folders", get(&"/a".repeat(5_000), "")),
        (
            "a header of 100 kB",
            get(path, &format!("X-A: {}\r\n", "a".repeat(100_000))),
        ),
        ("5000 headers", get(path, &"X-A: b\r\n".repeat(5_000))),
        (
            "two lengths",
            get(path, "Content-Length: 1\r\nContent-Length: 2\r\n"),
        ),
        (
            "a length and chunks",
            get(path, "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n"),
        ),
        (
            "a chunk larger than the world",
            get(path, "Transfer-Encoding: chunked\r\n\r\nffffffffffffffff"),
        ),
        ("a negative length", get(path, "Content-Length: -1\r\n")),
        (
            "a length beyond 64 bits",
            get(path, "Content-Length: 99999999999999999999\r\n"),
        ),
        ("HTTP/2's preface", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec()),
        (
            "a proxy request",
            b"CONNECT example.com:443 HTTP/1.1\r\n\r\n".to_vec(),
        ),
        ("100000 brackets of JSON", post(json, &"[".repeat(100_000))),
        ("100000 objects of JSON", post(json, &"{\"a\":".repeat(100_000))),
        ("a number of 100000 digits", post(json, &"1".repeat(100_000))),
        ("half a surrogate", post(json, "\"\\ud800\"")),
        ("100000 elements of XML", post(xml, &"<a>".repeat(100_000))),
        (
            "entities that grow",
            post(
                xml,
                "<!DOCTYPE a [<!ENTITY b \"bbbbbbbbbb\"><!ENTITY c \"&b;&b;&b;&b;\">]><a>&c;</a>",
            ),
        ),
        (
            "100000 attributes of XML",
            post(xml, &format!("<a {}/>", "b=\"c\" ".repeat(100_000))),
        ),
        ("100000 form fields", post(form, &"a=b&".repeat(100_000))),
        ("escapes that are none", post(form, &"%zz%".repeat(1_000))),
    ]
}

/// Paths of Graph that aim at its query language.
pub fn designed_graph(host: &str) -> Vec<(&'static str, Sample)> {
    let users = |query: &str| request(host, "GET", &format!("/v1.0/users?{query}"), true, "", "");
    let nested = format!(
        "$filter={}accountEnabled%20eq%20true{}",
        "(".repeat(9_000),
        ")".repeat(9_000)
    );
    let batch = |count: usize| {
        let one = r#"{"id":"1","method":"GET","url":"/users"}"#;
        format!(r#"{{"requests":[{}]}}"#, vec![one; count].join(","))
    };
    let post = |path: &str, body: &str| request(host, "POST", path, true, "application/json", body);
    vec![
        ("9000 brackets of a filter", users(&nested)),
        (
            "4000 times not",
            users(&format!("$filter={}true", "not%20".repeat(4_000))),
        ),
        (
            "1000 times or",
            users(&format!("$filter={}true", "a%20eq%201%20or%20".repeat(1_000))),
        ),
        (
            "2000 names in a filter",
            users(&format!(
                "$filter=department%20in%20({}'a')",
                "'a',".repeat(5_000)
            )),
        ),
        (
            "10000 selected attributes",
            users(&format!("$select={}id", "a,".repeat(10_000))),
        ),
        (
            "5000 expansions",
            users(&format!("$expand={}manager", "manager,".repeat(3_000))),
        ),
        (
            "nested expansions",
            users(&format!("$expand={}", "manager($expand=".repeat(1_500))),
        ),
        ("a batch of 5000", post("/v1.0/$batch", &batch(5_000))),
        (
            "a batch of batches",
            post(
                "/v1.0/$batch",
                r#"{"requests":[{"id":"1","method":"POST","url":"/$batch","body":{"requests":[]}}]}"#,
            ),
        ),
        (
            "a batch that depends on itself",
            post(
                "/v1.0/$batch",
                r#"{"requests":[{"id":"1","dependsOn":["1"],"method":"GET","url":"/users"}]}"#,
            ),
        ),
    ]
}

/// The path of a request.
pub fn path_of(sample: &Sample) -> String {
    let bytes = sample.render(&Tokens::default());
    String::from_utf8_lossy(&bytes)
        .split(' ')
        .nth(1)
        .unwrap_or("/")
        .to_owned()
}

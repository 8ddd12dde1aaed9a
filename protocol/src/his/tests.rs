#![allow(clippy::unwrap_used)]

use std::time::Duration;

use proptest::prelude::*;
use secrecy::{ExposeSecret as _, SecretString};
use uuid::{Uuid, uuid};

use super::bootstrap::{
    BootstrapRequest, BootstrapResponse, ConnectivitySettings, ConnectorState, MAX_LISTENER_ENDPOINTS,
    PerformanceMetrics, RetryStrategy, SignalingListenerEndpoint,
};
use super::registration::{RegistrationRequest, RegistrationResult};
use super::trust_renewal::{TrustRenewalRequest, TrustRenewalResult};
use super::{
    FEATURE_SYNC_FABRIC, HisXmlError, MAX_XML_ATTRIBUTES, MAX_XML_BYTES, MAX_XML_DEPTH, MAX_XML_ELEMENTS,
    SystemSettings,
};

const TENANT: Uuid = uuid!("aaaaaaaa-0000-0000-0000-000000000001");

fn registration() -> RegistrationRequest {
    RegistrationRequest {
        csr: vec![0x30, 0x00],
        authentication_token: "TOKEN".into(),
        feature_string: FEATURE_SYNC_FABRIC.to_owned(),
        system_settings: SystemSettings::windows_server_2022("srv1.contoso.com"),
        ps_module_version: "1.1.96.0".to_owned(),
        tenant_id: TENANT,
        user_agent: "SyncFabricConnector/1.1.96.0".to_owned(),
    }
}

fn bootstrap() -> BootstrapRequest {
    BootstrapRequest {
        agent_sdk_version: "1.5.3437.0".to_owned(),
        agent_service_account_name: "CONTOSO\\provAgentgMSA$".to_owned(),
        agent_version: "1.1.1586.0".to_owned(),
        connector_id: uuid!("bbbbbbbb-0000-0000-0000-000000000002"),
        consecutive_failures: 3,
        initial_bootstrap: true,
        is_agent_service_account_gmsa: true,
        latest_dot_net_version_installed: "528449".to_owned(),
        machine_name: "srv1.contoso.com".to_owned(),
        operating_system_language: "1033".to_owned(),
        operating_system_locale: "0409".to_owned(),
        operating_system_sku: "8".to_owned(),
        operating_system_version: "10.0.20348".to_owned(),
        performance_metrics: PerformanceMetrics {
            last_bootstrap_latency: 12,
            ..PerformanceMetrics::default()
        },
        request_id: uuid!("cccccccc-0000-0000-0000-000000000003"),
        subscription_id: TENANT,
        updater_status: "Running".to_owned(),
    }
}

fn response() -> BootstrapResponse {
    let path = "aaaaaaaa-0000-0000-0000-000000000001_dddddddd-0000-0000-0000-000000000004";
    BootstrapResponse {
        signaling_listener_endpoints: vec![
            SignalingListenerEndpoint::new(
                "his-eur1-weur1",
                "servicebus.windows.net",
                path,
                "KEY-ONE".into(),
            ),
            SignalingListenerEndpoint::new(
                "his-eur1-neur1",
                "servicebus.windows.net",
                path,
                "KEY-TWO".into(),
            ),
        ],
        trust_renew_endpoint: "https://his-eur1-weur1.renewtrust.msappproxy.net/renewTrust".to_owned(),
        ..BootstrapResponse::default()
    }
}

/// Element names in document order, without prefixes.
fn names(xml: &str) -> Vec<&str> {
    xml.split('<')
        .filter(|part| !part.is_empty() && !part.starts_with('/'))
        .map(|part| part.split([' ', '>', '/']).next().unwrap())
        .map(|name| name.rsplit(':').next().unwrap())
        .collect()
}

fn names_of_level_one(xml: &str) -> Vec<String> {
    let mut depth = 0;
    let mut found = Vec::new();
    for part in xml.split('<').skip(1) {
        if part.starts_with('/') {
            depth -= 1;
            continue;
        }
        if depth == 1 {
            found.push(names(&format!("<{part}")).remove(0).to_owned());
        }
        if !part.split('>').next().unwrap().ends_with('/') {
            depth += 1;
        }
    }
    found
}

#[test]
fn the_registration_request_is_the_canonical_one_of_the_reference() {
    assert_eq!(
        registration().to_xml(),
        concat!(
            r#"<RegistrationRequest xmlns="http://schemas.datacontract.org/2004/07/Microsoft.ApplicationProxy.Common.Registration" xmlns:i="http://www.w3.org/2001/XMLSchema-instance">"#,
            r#"<Base64Csr>MAA=</Base64Csr><AuthenticationToken>TOKEN</AuthenticationToken><Base64Pkcs10Csr i:nil="true"/>"#,
            r#"<Feature>ApplicationProxy</Feature><FeatureString>SyncFabric</FeatureString><RegistrationRequestSettings>"#,
            r#"<SystemSettingsInformation i:type="a:SystemSettings" xmlns="http://schemas.datacontract.org/2004/07/Microsoft.ApplicationProxy.Common.RegistrationCommons" xmlns:a="http://schemas.datacontract.org/2004/07/Microsoft.ApplicationProxy.Common.Utilities.SystemSettings">"#,
            r#"<a:MachineName>srv1.contoso.com</a:MachineName><a:OsLanguage>1033</a:OsLanguage><a:OsLocale>0409</a:OsLocale><a:OsSku>8</a:OsSku><a:OsVersion>10.0.20348</a:OsVersion>"#,
            r#"</SystemSettingsInformation><PSModuleVersion>1.1.96.0</PSModuleVersion>"#,
            r#"<SystemSettings i:type="a:SystemSettings" xmlns:a="http://schemas.datacontract.org/2004/07/Microsoft.ApplicationProxy.Common.Utilities.SystemSettings">"#,
            r#"<a:MachineName>srv1.contoso.com</a:MachineName><a:OsLanguage>1033</a:OsLanguage><a:OsLocale>0409</a:OsLocale><a:OsSku>8</a:OsSku><a:OsVersion>10.0.20348</a:OsVersion>"#,
            r#"</SystemSettings></RegistrationRequestSettings><TenantId>aaaaaaaa-0000-0000-0000-000000000001</TenantId>"#,
            r#"<UserAgent>SyncFabricConnector/1.1.96.0</UserAgent></RegistrationRequest>"#
        )
    );
}

#[test]
fn a_registration_request_is_read_in_any_order_with_unknown_members_and_line_breaks() {
    let read = RegistrationRequest::from_xml(
        r#"<?xml version="1.0" encoding="utf-8"?><!-- any order -->
        <r:RegistrationRequest xmlns:r="http://schemas.datacontract.org/2004/07/Microsoft.ApplicationProxy.Common.Registration">
          <r:TenantId>AAAAAAAA-0000-0000-0000-000000000001</r:TenantId><r:Novelty><x>1</x></r:Novelty>
          <r:FeatureString>SyncFabric</r:FeatureString>
          <r:AuthenticationToken><![CDATA[TO]]>KEN</r:AuthenticationToken>
          <r:Base64Csr>
            MA
            A=
          </r:Base64Csr>
        </r:RegistrationRequest>"#,
    )
    .unwrap();
    assert_eq!(
        (read.csr.as_slice(), read.tenant_id),
        ([0x30, 0x00].as_slice(), TENANT)
    );
    assert_eq!(read.authentication_token.expose_secret(), "TOKEN");
    assert_eq!(read.system_settings.machine_name, "");
}

#[test]
fn members_that_must_be_there_are_named_when_they_are_not() {
    let xml = registration().to_xml();
    let error = |from: &str, to: &str| RegistrationRequest::from_xml(&xml.replace(from, to)).unwrap_err();
    assert_eq!(
        error("<Base64Csr>MAA=</Base64Csr>", ""),
        HisXmlError::Missing { element: "Base64Csr" }
    );
    assert_eq!(
        error(
            "<AuthenticationToken>TOKEN</AuthenticationToken>",
            r#"<AuthenticationToken i:nil="true"/>"#
        ),
        HisXmlError::Missing {
            element: "AuthenticationToken"
        }
    );
    assert_eq!(
        error("MAA=", "*"),
        HisXmlError::Invalid {
            element: "Base64Csr",
            expected: "base64"
        }
    );
    assert_eq!(
        error("<TenantId>a", "<TenantId>z"),
        HisXmlError::Invalid {
            element: "TenantId",
            expected: "a GUID"
        }
    );
    assert!(matches!(
        RegistrationResult::from_xml(&xml),
        Err(HisXmlError::UnexpectedRoot { .. })
    ));
    assert!(matches!(
        error("Common.Registration\"", "Elsewhere\""),
        HisXmlError::UnexpectedRoot { .. }
    ));
}

#[test]
fn results_round_trip_and_a_success_without_certificate_is_refused() {
    for result in [
        RegistrationResult::success(vec![1, 2, 3]),
        RegistrationResult::failure("no <such> & \"role\"\r\n"),
    ] {
        let read = RegistrationResult::from_xml(&result.to_xml()).unwrap();
        assert_eq!(
            read,
            RegistrationResult {
                error_message: result.error_message.trim().to_owned(),
                ..result
            }
        );
    }
    assert_eq!(
        names(&RegistrationResult::success(vec![1]).to_xml()),
        [
            "RegistrationResult",
            "Certificate",
            "ErrorMessage",
            "IsSuccessful"
        ]
    );
    let result = TrustRenewalResult::success(vec![1, 2, 3]);
    assert_eq!(TrustRenewalResult::from_xml(&result.to_xml()), Ok(result));
    let empty = RegistrationResult {
        certificate: None,
        ..RegistrationResult::success(Vec::new())
    };
    assert_eq!(
        RegistrationResult::from_xml(&empty.to_xml()),
        Err(HisXmlError::Missing {
            element: "Certificate"
        })
    );
}

#[test]
fn the_renewal_request_has_the_base_class_member_first_in_its_own_namespace() {
    let request = TrustRenewalRequest {
        csr: vec![0x30, 0x00],
        system_settings: SystemSettings::windows_server_2022("srv1.contoso.com"),
        connector_version: "1.1.1586.0".to_owned(),
    };
    let xml = request.to_xml();
    assert!(
        xml.starts_with(concat!(
            r#"<TrustRenewalRequest xmlns="http://schemas.datacontract.org/2004/07/Microsoft.ApplicationProxy.Common.Registration.TrustRenewal" xmlns:i="http://www.w3.org/2001/XMLSchema-instance">"#,
            r#"<Base64Csr xmlns="http://schemas.datacontract.org/2004/07/Microsoft.ApplicationProxy.Common.Registration">MAA=</Base64Csr><TrustRenewalRequestSettings>"#
        )),
        "{xml}"
    );
    assert_eq!(TrustRenewalRequest::from_xml(&xml), Ok(request));
}

#[test]
fn the_bootstrap_request_has_the_members_of_the_reference_in_ordinal_order() {
    let xml = bootstrap().to_xml();
    let found = names_of_level_one(&xml);
    assert!(found.windows(2).all(|pair| pair[0] < pair[1]), "{found:?}");
    assert_eq!(found.len(), 28);
    assert_eq!(BootstrapRequest::from_xml(&xml), Ok(bootstrap()));
}

#[test]
fn the_bootstrap_response_has_the_members_of_the_reference_in_ordinal_order() {
    let xml = response().to_xml();
    let found = names_of_level_one(&xml);
    assert!(found.windows(2).all(|pair| pair[0] < pair[1]), "{found:?}");
    for name in [
        "BootstrapAddOnResponses",
        "ConnectivitySettings",
        "PeriodicBootstrapRetryStrategy",
        "Triggers",
        "TrustRenewEndpoint",
    ] {
        assert!(found.iter().any(|known| known == name), "{name}");
    }
    let first = xml.find("<a:SignalingListenerEndpointSettings").unwrap();
    assert_eq!(
        names(&xml[first..])[..10],
        [
            "SignalingListenerEndpointSettings",
            "IsAvailable",
            "Name",
            "Domain",
            "Namespace",
            "ReliableSessionEnabled",
            "Scheme",
            "ServicePath",
            "SharedAccessKey",
            "SharedAccessKeyName"
        ]
    );
}

#[test]
fn a_bootstrap_response_round_trips() {
    let sent = BootstrapResponse {
        connector_state: ConnectorState::InfoServiceMessage,
        service_message: "soon".to_owned(),
        bootstrap_endpoint_override: Some("https://elsewhere/ConnectorBootstrap".to_owned()),
        periodic_bootstrap_interval_milliseconds: 250,
        periodic_bootstrap_retry_strategy: RetryStrategy {
            first_interval: Duration::from_millis(1_500),
            first_attempts: 2,
            ..RetryStrategy::default()
        },
        ..response()
    };
    let read = BootstrapResponse::from_xml(&sent.to_xml()).unwrap();
    assert_eq!(read.to_xml(), sent.to_xml());
    assert_eq!(
        read.periodic_bootstrap_retry_strategy,
        sent.periodic_bootstrap_retry_strategy
    );
    let endpoint = &read.signaling_listener_endpoints[1];
    assert_eq!(endpoint.host(), "his-eur1-neur1.servicebus.windows.net");
    assert_eq!(endpoint.shared_access_key.expose_secret(), "KEY-TWO");
    assert!(
        endpoint
            .resource()
            .starts_with("http://his-eur1-neur1.servicebus.windows.net/aaaaaaaa-0000")
    );
}

#[test]
fn the_json_inside_of_a_captured_response_is_read() {
    let json = r#"{"ServicePointManagerSettings":{"ConnectionLimit":200},"SignalingSettings":{"BindingType":"NetTcpRelayBinding",
        "ReceiveTimeout":"10675199.02:48:05.4775807","MaxConnections":100,"UseCachedServiceBusSasToken":true,"ServiceBusSasTokenTtl":"23:59:59"},
        "WebSocketSignalingSettings":{"LeaseTimeout":"06:00:00","IdleTimeout":"02:00:00","KeepAliveInterval":"00:00:10","MaxReceivedMessageSize":65536}}"#;
    let read: ConnectivitySettings = serde_json::from_str(json).unwrap();
    assert_eq!(
        read.signaling_settings.service_bus_sas_token_ttl,
        Duration::from_secs(86_399)
    );
    assert_eq!(
        read.web_socket_signaling_settings.keep_alive_interval,
        Duration::from_secs(10)
    );
    let written = serde_json::to_string(&read).unwrap();
    assert!(written.contains(r#""KeepAliveInterval":"00:00:10""#), "{written}");
}

#[test]
fn an_almost_empty_response_keeps_the_defaults() {
    let root = |content: &str| {
        format!(
            r#"<BootstrapResponse xmlns="http://schemas.datacontract.org/2004/07/Microsoft.ApplicationProxy.Common.SignalerDataModel">{content}</BootstrapResponse>"#
        )
    };
    let read = BootstrapResponse::from_xml(&root(
        "<PeriodicBootstrapIntervalMilliseconds> 1 </PeriodicBootstrapIntervalMilliseconds>",
    ))
    .unwrap();
    assert_eq!(
        (
            read.periodic_bootstrap_interval_milliseconds,
            read.max_failed_bootstrap_requests
        ),
        (1, 2_170)
    );
    for (content, element) in [
        ("<ConnectionLimit>-1</ConnectionLimit>", "ConnectionLimit"),
        ("<ConnectorState>Fine</ConnectorState>", "ConnectorState"),
        (
            "<ConnectivitySettings>{</ConnectivitySettings>",
            "ConnectivitySettings",
        ),
        (
            "<ResponseSigningEnabled>maybe</ResponseSigningEnabled>",
            "ResponseSigningEnabled",
        ),
    ] {
        let refused = BootstrapResponse::from_xml(&root(content)).unwrap_err();
        assert!(
            matches!(refused, HisXmlError::Invalid { element: found, .. } if found == element),
            "{refused}"
        );
    }
}

#[test]
fn endpoints_are_counted() {
    let endpoint = response().signaling_listener_endpoints.remove(0);
    let with = |count| {
        BootstrapResponse {
            signaling_listener_endpoints: vec![endpoint.clone(); count],
            ..response()
        }
        .to_xml()
    };
    assert_eq!(
        BootstrapResponse::from_xml(&with(MAX_LISTENER_ENDPOINTS))
            .unwrap()
            .signaling_listener_endpoints
            .len(),
        MAX_LISTENER_ENDPOINTS
    );
    assert!(BootstrapResponse::from_xml(&with(MAX_LISTENER_ENDPOINTS + 1)).is_err());
}

#[test]
fn tokens_and_keys_do_not_show_in_debug() {
    let shown = format!("{:?} {:?}", registration(), response());
    assert!(!shown.contains("TOKEN") && !shown.contains("KEY-"), "{shown}");
}

fn result_with(content: &str) -> Result<RegistrationResult, HisXmlError> {
    RegistrationResult::from_xml(&format!(
        r#"<RegistrationResult xmlns="http://schemas.datacontract.org/2004/07/Microsoft.ApplicationProxy.Common.Registration">{content}</RegistrationResult>"#
    ))
}

#[test]
fn documents_are_bounded_in_size_depth_and_counts() {
    let nested = |depth: usize| format!("{}{}", "<x>".repeat(depth), "</x>".repeat(depth));
    assert!(result_with(&nested(MAX_XML_DEPTH - 1)).is_ok());
    assert!(matches!(
        result_with(&nested(MAX_XML_DEPTH)),
        Err(HisXmlError::TooDeep { .. })
    ));
    assert!(result_with(&"<x/>".repeat(MAX_XML_ELEMENTS - 1)).is_ok());
    assert_eq!(
        result_with(&"<x/>".repeat(MAX_XML_ELEMENTS)),
        Err(HisXmlError::TooManyElements)
    );
    let attributes = |count: usize| {
        (0..count)
            .map(|index| format!(" a{index}=''"))
            .collect::<String>()
    };
    assert!(result_with(&format!("<x{}/>", attributes(MAX_XML_ATTRIBUTES))).is_ok());
    assert!(matches!(
        result_with(&format!("<x{}/>", attributes(MAX_XML_ATTRIBUTES + 1))),
        Err(HisXmlError::TooManyAttributes { .. })
    ));
    let around = RegistrationResult::failure("").to_xml().len();
    let long = |bytes: usize| {
        RegistrationResult::from_xml(&RegistrationResult::failure(&"y".repeat(bytes - around)).to_xml())
    };
    assert!(long(MAX_XML_BYTES).is_ok());
    assert_eq!(
        long(MAX_XML_BYTES + 1),
        Err(HisXmlError::TooLarge {
            bytes: MAX_XML_BYTES + 1
        })
    );
}

#[test]
fn document_types_and_entities_are_never_read() {
    let bomb = r#"<!DOCTYPE x [<!ENTITY a "aaaa">]><RegistrationResult/>"#;
    assert!(matches!(
        RegistrationResult::from_xml(bomb),
        Err(HisXmlError::DocumentType { .. })
    ));
    assert!(matches!(
        result_with("<ErrorMessage>&a;</ErrorMessage>"),
        Err(HisXmlError::DocumentType { .. })
    ));
    assert_eq!(
        result_with("<ErrorMessage>&lt;&#65;&#x42;&amp;</ErrorMessage>")
            .unwrap()
            .error_message,
        "<AB&"
    );
}

#[test]
fn characters_that_xml_cannot_carry_are_replaced() {
    let sent = RegistrationResult::failure("a\0b\u{1}c\u{ffff}d\te\r\nf");
    let xml = sent.to_xml();
    assert!(xml.contains("a\u{fffd}b\u{fffd}c\u{fffd}d\te&#xD;\nf"), "{xml}");
    assert_eq!(
        RegistrationResult::from_xml(&xml).unwrap().error_message,
        "a\u{fffd}b\u{fffd}c\u{fffd}d\te\r\nf"
    );
}

#[test]
fn ill_formed_documents_are_refused() {
    for text in [
        "",
        "x",
        "<a>",
        "</a>",
        "<a></b>",
        "<a/><b/>",
        "<a/>x",
        "<a",
        "<a b=>",
        "<a>&#0;</a>",
        "<a>&#xFFFFFFFF;</a>",
        "<a><![CDATA[</a>",
        "\u{feff}",
    ] {
        let refused = RegistrationResult::from_xml(text).unwrap_err();
        assert!(matches!(refused, HisXmlError::Syntax { .. }), "{text}: {refused}");
    }
}

proptest! {
    #[test]
    fn arbitrary_documents_are_survived(text in ".{0,200}", markup in "[<>/a-c&;#x!\\[\\]CDAT?= '\"-]{0,80}") {
        let _ = RegistrationRequest::from_xml(&text);
        let _ = result_with(&text);
        let _ = result_with(&markup);
        let _ = BootstrapResponse::from_xml(&markup);
        let _ = BootstrapRequest::from_xml(&markup);
    }

    #[test]
    fn damaged_documents_are_survived(place in 0_usize..8_000, what in any::<char>()) {
        let damaged = |xml: String| -> String {
            let mut characters: Vec<char> = xml.chars().collect();
            let place = place % characters.len();
            characters[place] = what;
            characters.into_iter().collect()
        };
        let _ = BootstrapResponse::from_xml(&damaged(response().to_xml()));
        let _ = BootstrapRequest::from_xml(&damaged(bootstrap().to_xml()));
        let _ = RegistrationRequest::from_xml(&damaged(registration().to_xml()));
    }

    #[test]
    fn text_round_trips(name in "[^\\s\\p{Cc}](\\PC{0,30}[^\\s\\p{Cc}])?", token in "[!-~]{1,40}", csr in proptest::collection::vec(any::<u8>(), 1..80)) {
        let sent = RegistrationRequest {
            csr,
            authentication_token: SecretString::from(token),
            system_settings: SystemSettings::windows_server_2022(&name),
            ..registration()
        };
        let read = RegistrationRequest::from_xml(&sent.to_xml()).unwrap();
        prop_assert_eq!(&read.csr, &sent.csr);
        prop_assert_eq!(read.authentication_token.expose_secret(), sent.authentication_token.expose_secret());
        prop_assert_eq!(read.system_settings.machine_name, name.trim());
    }
}

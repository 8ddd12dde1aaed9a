#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use uuid::{Uuid, uuid};

use super::{Frame, FrameError, MAX_FRAME_BYTES, MAX_FRAME_TEXT_BYTES, RelayRequest, RelayResponse};
use crate::scim::{DomainPing, ErrorCode, Operation, OperationResult, Pong, ScimError};

const ID: Uuid = uuid!("11111111-2222-3333-4444-555555555555");

fn ping() -> Operation {
    Operation::Ping(DomainPing {
        domain: "contoso.com".to_owned(),
    })
}

fn closing(length: usize) -> Frame {
    Frame::Closing {
        reason: "x".repeat(length),
    }
}

#[test]
fn frames_have_their_documented_form() {
    let pong = Pong {
        domain: "contoso.com".to_owned(),
        domain_controller: "dc1.contoso.com".to_owned(),
    };
    for (frame, text) in [
        (
            Frame::Hello {
                connector_id: ID,
                agent_version: "1.1.1586.0".to_owned(),
            },
            r#"{"v":1,"type":"hello","connectorId":"11111111-2222-3333-4444-555555555555","agentVersion":"1.1.1586.0"}"#,
        ),
        (
            Frame::Welcome {
                listener: "path".to_owned(),
                keep_alive_ms: 10_000,
            },
            r#"{"v":1,"type":"welcome","listener":"path","keepAliveMs":10000}"#,
        ),
        (
            Frame::Request(RelayRequest {
                id: ID,
                deadline_ms: 600_000,
                operation: ping(),
            }),
            r#"{"v":1,"type":"request","id":"11111111-2222-3333-4444-555555555555","deadlineMs":600000,"operation":{"ping":{"domain":"contoso.com"}}}"#,
        ),
        (
            Frame::Response(RelayResponse {
                id: ID,
                outcome: Ok(OperationResult::Pong(pong)),
            }),
            r#"{"v":1,"type":"response","id":"11111111-2222-3333-4444-555555555555","result":{"pong":{"domain":"contoso.com","domainController":"dc1.contoso.com"}}}"#,
        ),
        (
            Frame::Response(RelayResponse {
                id: ID,
                outcome: Err(ScimError {
                    message: "m".to_owned(),
                    ..ScimError::new(ErrorCode::TimeOut, "")
                }),
            }),
            r#"{"v":1,"type":"response","id":"11111111-2222-3333-4444-555555555555","error":{"code":"TimeOut","message":"m","ldap":null}}"#,
        ),
        (Frame::Ping, r#"{"v":1,"type":"ping"}"#),
        (Frame::Pong, r#"{"v":1,"type":"pong"}"#),
        (
            Frame::Closing {
                reason: "restart".to_owned(),
            },
            r#"{"v":1,"type":"closing","reason":"restart"}"#,
        ),
    ] {
        assert_eq!(frame.to_text().unwrap(), text);
        assert_eq!(Frame::from_text(text).unwrap(), frame);
    }
}

#[test]
fn an_absent_object_is_an_answer() {
    let frame = Frame::Response(RelayResponse {
        id: ID,
        outcome: Ok(OperationResult::Resource(None)),
    });
    assert_eq!(Frame::from_text(&frame.to_text().unwrap()).unwrap(), frame);
}

#[test]
fn another_version_is_named_before_anything_else_fails() {
    let refused = Frame::from_text(r#"{"v":2,"type":"novelty"}"#).unwrap_err();
    assert!(
        refused
            .to_string()
            .contains("version 2 is not spoken here, only version 1"),
        "{refused}"
    );
}

#[test]
fn unknown_members_are_ignored_and_missing_ones_named() {
    assert_eq!(
        Frame::from_text(r#"{"new":{"x":[1]},"type":"ping","v":1}"#).unwrap(),
        Frame::Ping
    );
    for (text, message) in [
        (
            r#"{"v":1,"type":"hello","agentVersion":"1"}"#,
            "a relay frame of type 'hello' needs the member 'connectorId'",
        ),
        (
            r#"{"v":1,"type":"response","id":"11111111-2222-3333-4444-555555555555"}"#,
            "a relay frame of type 'response' needs the member 'result'",
        ),
        (
            r#"{"v":1,"type":"request","deadlineMs":1,"operation":{"ping":{"domain":"d"}}}"#,
            "a relay frame of type 'request' needs the member 'id'",
        ),
    ] {
        assert_eq!(Frame::from_text(text).unwrap_err().to_string(), message);
    }
}

#[test]
fn what_is_no_frame_is_refused() {
    for text in [
        "",
        "[]",
        "1",
        "{}",
        r#"{"v":1}"#,
        r#"{"v":1,"type":"other"}"#,
        r#"{"v":1,"type":"request","operation":{"get":{}}}"#,
        r#"{"v":1,"type":"ping"} x"#,
    ] {
        assert!(
            matches!(Frame::from_text(text), Err(FrameError::Malformed(_))),
            "{text}"
        );
    }
}

#[test]
fn depth_is_harmless_in_unknown_members_and_refused_in_known_ones() {
    let deep = |member: &str| {
        format!(
            r#"{{"v":1,"type":"ping","{member}":{}{}}}"#,
            "[".repeat(100_000),
            "]".repeat(100_000)
        )
    };
    assert_eq!(Frame::from_text(&deep("x")).unwrap(), Frame::Ping);
    assert!(matches!(
        Frame::from_text(&deep("operation")),
        Err(FrameError::Malformed(_))
    ));
}

#[test]
fn sizes_are_bounded_both_ways() {
    let around = closing(0).to_text().unwrap().len();
    assert_eq!(
        closing(MAX_FRAME_BYTES - around).to_text().unwrap().len(),
        MAX_FRAME_BYTES
    );
    assert!(matches!(
        closing(MAX_FRAME_BYTES - around + 1).to_text(),
        Err(FrameError::TooLarge { .. })
    ));
    let padded = |length: usize| {
        format!(
            "{}{}",
            " ".repeat(length - r#"{"v":1,"type":"ping"}"#.len()),
            r#"{"v":1,"type":"ping"}"#
        )
    };
    assert_eq!(Frame::from_text(&padded(MAX_FRAME_BYTES)).unwrap(), Frame::Ping);
    assert!(matches!(
        Frame::from_text(&padded(MAX_FRAME_BYTES + 1)),
        Err(FrameError::TooLarge { .. })
    ));
    assert!(Frame::from_text(&closing(MAX_FRAME_TEXT_BYTES).to_text().unwrap()).is_ok());
    let refused = Frame::from_text(&closing(MAX_FRAME_TEXT_BYTES + 1).to_text().unwrap());
    assert!(
        matches!(refused, Err(FrameError::TextTooLong { member: "reason" })),
        "{refused:?}"
    );
}

#[test]
fn counts_in_a_payload_are_bounded() {
    let query = crate::scim::ChangeQuery::new("d", Vec::new(), Vec::new(), None, crate::scim::MAX_COUNT + 1);
    let frame = Frame::Request(RelayRequest {
        id: ID,
        deadline_ms: 1,
        operation: Operation::Query(query),
    });
    assert!(matches!(
        Frame::from_text(&frame.to_text().unwrap()),
        Err(FrameError::Limit(_))
    ));
}

proptest! {
    #[test]
    fn arbitrary_text_is_survived(text in ".{0,200}", kind in "[a-z]{4,8}", member in ".{0,40}") {
        let _ = Frame::from_text(&text);
        let _ = Frame::from_text(&serde_json::json!({"v": 1, "type": kind, "id": member, "reason": member, "listener": member}).to_string());
    }

    #[test]
    fn frames_round_trip(id in any::<u128>(), deadline_ms in any::<u64>(), text in ".{0,60}") {
        let id = Uuid::from_u128(id);
        let operation = Operation::Ping(DomainPing { domain: text.clone() });
        let error = ScimError { message: text.clone(), ..ScimError::from_ldap(49, &text) };
        for frame in [
            Frame::Hello { connector_id: id, agent_version: text.clone() },
            Frame::Welcome { listener: text.clone(), keep_alive_ms: deadline_ms },
            Frame::Request(RelayRequest { id, deadline_ms, operation }),
            Frame::Response(RelayResponse { id, outcome: Err(error) }),
            Frame::Closing { reason: text },
        ] {
            prop_assert_eq!(Frame::from_text(&frame.to_text().unwrap()).unwrap(), frame);
        }
    }

    #[test]
    fn damaged_frames_are_survived(place in 0_usize..400, what in any::<u8>()) {
        let frame = Frame::Request(RelayRequest { id: ID, deadline_ms: 600_000, operation: ping() });
        let mut bytes = frame.to_text().unwrap().into_bytes();
        let place = place % bytes.len();
        bytes[place] = what;
        let _ = Frame::from_text(&String::from_utf8_lossy(&bytes));
    }
}

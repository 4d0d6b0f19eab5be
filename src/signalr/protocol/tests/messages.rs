//! What clients send, in both encodings.

use super::{
    hex,
    protocol::{
        ClientMessage, Invocation, Outcome,
        Protocol::{self, Json, MessagePack},
        Raw, parse,
    },
};

/// A value in both encodings.
const FORTY_TWO: (&str, &[u8]) = ("42", &[0x2a]);
const NULL: (&str, &[u8]) = ("null", &[0xc0]);
const OBJECT: (&str, &[u8]) = (r#"{"a":[2]}"#, &[0x81, 0xa1, b'a', 0x91, 2]);

fn raw(protocol: Protocol, (json, messagepack): (&'static str, &'static [u8])) -> Raw<'static> {
    match protocol {
        Json => Raw::Json(json),
        MessagePack => Raw::MessagePack(messagepack),
    }
}

fn invocation(
    protocol: Protocol,
    id: Option<&'static str>,
    arguments: &[(&'static str, &'static [u8])],
    stream_ids: &[&'static str],
) -> Invocation<'static> {
    Invocation {
        invocation_id: id.map(Into::into),
        target: "method".into(),
        arguments: Ok(arguments
            .iter()
            .map(|&argument| raw(protocol, argument))
            .collect()),
        stream_ids: stream_ids.iter().map(|&id| id.into()).collect(),
    }
}

type Case = (
    &'static str,
    fn(Protocol) -> ClientMessage<'static>,
    &'static [&'static str],
    &'static [&'static str],
);

/// Name, message, its JSON texts, its MessagePack bytes.
const CASES: &[Case] = &[
    (
        "invocation",
        |p| ClientMessage::Invocation(invocation(p, Some("xyz"), &[FORTY_TWO], &[])),
        &[
            r#"{"type":1,"invocationId":"xyz","target":"method","arguments":[42]}"#,
            r#"{"target":"method","arguments":[42],"invocationId":"xyz","type":1}"#,
            r#" { "arguments" : [ 42 ] , "type" : 1 , "invocationId" : "xyz" , "target" : "method" } "#,
            r#"{"type":1,"x":{"y":[1,{"z":2}]},"invocationId":"xyz","target":"method","arguments":[42],"w":null}"#,
            r#"{"type":1,"headers":{"a":"b"},"invocationId":"xyz","target":"method","arguments":[42],"streamIds":[]}"#,
            r#"{"type":4,"type":1,"invocationId":"a","invocationId":"xyz","target":"b","target":"method","arguments":[1,2],"arguments":[42]}"#,
            r#"{"\u0074ype":1,"invocationId":"x\u0079z","target":"met\u0068od","arguments":[42]}"#,
            r#"{"type":1,"invocationId":"xyz","target":"method","arguments":[42],"error":"unused","result":1,"item":2,"sequenceId":3}"#,
        ],
        &[
            "96 01 80 a3 78797a a6 6d6574686f64 91 2a 90",
            "95 01 80 a3 78797a a6 6d6574686f64 91 2a",
            "96 01 82 a161a162 a163a164 a3 78797a a6 6d6574686f64 91 2a 90",
            "98 01 80 a3 78797a a6 6d6574686f64 91 2a 90 c0 c3",
            "dc0006 cc01 de0000 d903 78797a da0006 6d6574686f64 dd00000001 2a dc0000",
            "96 d3 0000000000000001 80 a3 78797a a6 6d6574686f64 91 2a 90",
        ],
    ),
    (
        "invocation without id",
        |p| ClientMessage::Invocation(invocation(p, None, &[], &[])),
        &[
            r#"{"type":1,"target":"method","arguments":[]}"#,
            r#"{"type":1,"invocationId":"","target":"method","arguments":[]}"#,
        ],
        &[
            "96 01 80 c0 a6 6d6574686f64 90 90",
            "95 01 80 a0 a6 6d6574686f64 90",
        ],
    ),
    (
        "invocation with upload streams",
        |p| ClientMessage::Invocation(invocation(p, Some("1"), &[OBJECT, NULL], &["2", "3"])),
        &[
            r#"{"type":1,"invocationId":"1","target":"method","arguments":[{"a":[2]},null],"streamIds":["2","3"]}"#,
        ],
        &["96 01 80 a131 a6 6d6574686f64 92 81a1619102 c0 92 a132 a133"],
    ),
    (
        "stream invocation",
        |p| ClientMessage::StreamInvocation(invocation(p, Some("xyz"), &[FORTY_TWO], &[])),
        &[r#"{"type":4,"invocationId":"xyz","target":"method","arguments":[42]}"#],
        &[
            "95 04 80 a3 78797a a6 6d6574686f64 91 2a",
            "96 04 80 a3 78797a a6 6d6574686f64 91 2a 90",
        ],
    ),
    (
        "stream item",
        |p| ClientMessage::StreamItem {
            invocation_id: "xyz".into(),
            item: raw(p, FORTY_TWO),
        },
        &[
            r#"{"type":2,"invocationId":"xyz","item":42}"#,
            r#"{"item":42,"invocationId":"xyz","type":2}"#,
        ],
        &["94 02 80 a3 78797a 2a"],
    ),
    (
        "stream item null",
        |p| ClientMessage::StreamItem {
            invocation_id: "xyz".into(),
            item: raw(p, NULL),
        },
        &[r#"{"type":2,"invocationId":"xyz","item":null}"#],
        &["94 02 80 a3 78797a c0"],
    ),
    (
        "completion with a value",
        |p| ClientMessage::Completion {
            invocation_id: "xyz".into(),
            outcome: Outcome::Result(raw(p, FORTY_TWO)),
        },
        &[r#"{"type":3,"invocationId":"xyz","result":42}"#],
        &["95 03 80 a3 78797a 03 2a"],
    ),
    (
        "completion with null",
        |p| ClientMessage::Completion {
            invocation_id: "xyz".into(),
            outcome: Outcome::Result(raw(p, NULL)),
        },
        &[r#"{"type":3,"invocationId":"xyz","result":null}"#],
        &["95 03 80 a3 78797a 03 c0"],
    ),
    (
        "completion with an error",
        |_| ClientMessage::Completion {
            invocation_id: "xyz".into(),
            outcome: Outcome::Error("Error".into()),
        },
        &[r#"{"type":3,"invocationId":"xyz","error":"Error"}"#],
        &["95 03 80 a3 78797a 01 a5 4572726f72"],
    ),
    (
        "completion with neither",
        |_| ClientMessage::Completion {
            invocation_id: "xyz".into(),
            outcome: Outcome::Void,
        },
        &[r#"{"type":3,"invocationId":"xyz"}"#],
        &["94 03 80 a3 78797a 02"],
    ),
    (
        "cancel",
        |_| ClientMessage::CancelInvocation {
            invocation_id: "xyz".into(),
        },
        &[r#"{"type":5,"invocationId":"xyz"}"#],
        &["93 05 80 a3 78797a"],
    ),
    (
        "ping",
        |_| ClientMessage::Ping,
        &[r#"{"type":6}"#],
        &["91 06", "93 06 01 02"],
    ),
    (
        "close",
        |_| ClientMessage::Close {
            error: None,
            allow_reconnect: false,
        },
        &[r#"{"type":7}"#, r#"{"type":7,"allowReconnect":false}"#],
        &["92 07 c0", "93 07 c0 c2"],
    ),
    (
        "close with everything",
        |_| ClientMessage::Close {
            error: Some("Error".into()),
            allow_reconnect: true,
        },
        &[r#"{"type":7,"error":"Error","allowReconnect":true}"#],
        &["93 07 a5 4572726f72 c3"],
    ),
    (
        "ack",
        |_| ClientMessage::Ack { sequence_id: 36 },
        &[r#"{"type":8,"sequenceId":36}"#],
        &["92 08 24", "92 08 cc24", "92 08 d3 0000000000000024"],
    ),
    (
        "sequence",
        |_| ClientMessage::Sequence {
            sequence_id: 9_007_199_254_740_993,
        },
        &[r#"{"type":9,"sequenceId":9007199254740993}"#],
        &["92 09 cf 0020000000000001"],
    ),
    (
        "unknown type",
        |_| ClientMessage::Unknown,
        &[
            r#"{"type":99}"#,
            r#"{"type":0,"target":"x"}"#,
            r#"{"type":-1}"#,
        ],
        &["92 63 01", "91 ff", "91 00"],
    ),
];

#[test]
fn every_message_is_understood_in_both_encodings() {
    for (name, message, texts, bodies) in CASES {
        for text in *texts {
            assert_eq!(
                parse(Json, text.as_bytes()),
                Ok(message(Json)),
                "{name}: {text}"
            );
        }
        for digits in *bodies {
            // Lives as long as the expected message, whose lifetime is not variant.
            let body = hex(digits).leak();
            let expected = message(MessagePack);
            assert_eq!(parse(MessagePack, body), Ok(expected), "{name}: {digits}");
        }
    }
}

#[test]
fn types_one_to_five_are_trackable() {
    for (name, message, texts, _) in CASES {
        let kind = texts[0]
            .split("\"type\":")
            .nth(1)
            .unwrap()
            .chars()
            .next()
            .unwrap();
        let counts = !name.starts_with("unknown") && ('1'..='5').contains(&kind);
        assert_eq!(message(Json).is_trackable(), counts, "{name}");
    }
}

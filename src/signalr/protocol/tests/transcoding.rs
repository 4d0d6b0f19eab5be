//! From one encoding to the other.

use super::{
    hex,
    protocol::{
        EncodeError,
        Protocol::{Json, MessagePack},
        Raw,
        transcode::{self, TranscodeError},
    },
};

fn value(raw: Raw<'_>) -> Result<Vec<u8>, EncodeError> {
    let mut out = Vec::new();
    transcode::value(raw, &mut out)?;
    Ok(out)
}

#[test]
fn values_that_both_can_hold_go_both_ways() {
    let long = format!("[{}]", ["0"; 16].join(","));
    let cases = [
        ("null", "c0"),
        ("true", "c3"),
        ("0", "00"),
        ("-1", "ff"),
        ("300", "cd012c"),
        ("18446744073709551615", "cfffffffffffffffff"),
        ("-9223372036854775808", "d38000000000000000"),
        ("1.5", "cb3ff8000000000000"),
        (r#""""#, "a0"),
        (r#""é\n""#, "a3c3a90a"),
        ("[]", "90"),
        ("{}", "80"),
        (
            r#"[1,[2,[3]],{"a":{"b":[]}}]"#,
            "93 01 92 02 91 03 81 a161 81 a162 90",
        ),
        (&long, "dc0010 00000000000000000000000000000000"),
    ];
    for (json, messagepack) in cases {
        assert_eq!(value(Raw::Json(json)), Ok(hex(messagepack)), "{json}");
        assert_eq!(
            value(Raw::MessagePack(&hex(messagepack))),
            Ok(json.as_bytes().to_vec()),
            "{messagepack}"
        );
    }
}

#[test]
fn json_numbers_become_doubles_if_they_are_no_integers() {
    assert_eq!(value(Raw::Json("1.0")), Ok(hex("cb3ff0000000000000")));
    assert_eq!(value(Raw::Json("1e2")), Ok(hex("cb4059000000000000")));
    assert_eq!(
        value(Raw::Json("18446744073709551616")),
        Ok(hex("cb43f0000000000000"))
    );
    assert!(value(Raw::Json("1e400")).is_err());
}

#[test]
fn messagepack_without_a_json_form_gets_one_or_is_refused() {
    let cases = [
        ("c403010203", Some(r#""AQID""#)),
        ("d6ff65bdb8f2", Some(r#""2024-02-03T03:54:26Z""#)),
        (
            "d7ffbc24452065bdb8f2",
            Some(r#""2024-02-03T03:54:26.7891234Z""#),
        ),
        (
            "c70cff 0bebc200 ffffffffffffffff",
            Some(r#""1969-12-31T23:59:59.2Z""#),
        ),
        (
            "c70cff 00000064 ffffffff00000000",
            Some(r#""1833-11-24T17:31:44.0000001Z""#),
        ),
        ("ca3dcccccd", Some("0.1")),
        (
            "84 01 02 ff 03 c3 04 c0 05",
            Some(r#"{"1":2,"-1":3,"true":4,"null":5}"#),
        ),
        ("cb7ff8000000000000", None),
        ("91 ca7f800000", None),
        ("d4 01 00", None),
        ("c70cff 3b9aca00 0000000000000000", None),
        ("c70cff 00000000 7fffffffffffffff", None),
        ("81 90 01", None),
        ("81 cb3ff8000000000000 01", None),
        ("a1ff", None),
        ("91", None),
        ("", None),
        ("0101", None),
    ];
    for (bytes, json) in cases {
        let out = value(Raw::MessagePack(&hex(bytes))).ok();
        assert_eq!(
            out.map(|out| String::from_utf8(out).unwrap()).as_deref(),
            json,
            "{bytes}"
        );
    }
}

#[test]
fn whole_messages_go_both_ways() {
    let cases = [
        (
            r#"{"type":1,"target":"Note","arguments":["x",{"a":1.5}]}"#,
            "19 96 01 80 c0 a44e6f7465 92 a178 81a161cb3ff8000000000000 90",
        ),
        (
            r#"{"type":1,"invocationId":"s1","target":"Ask","arguments":[]}"#,
            "0c 96 01 80 a27331 a341736b 90 90",
        ),
        (
            r#"{"type":2,"invocationId":"1","item":null}"#,
            "06 94 02 80 a131 c0",
        ),
        (
            r#"{"type":3,"invocationId":"1","result":[1]}"#,
            "08 95 03 80 a131 03 91 01",
        ),
        (
            r#"{"type":3,"invocationId":"1","error":"no"}"#,
            "09 95 03 80 a131 01 a26e6f",
        ),
        (r#"{"type":3,"invocationId":"1"}"#, "06 94 03 80 a131 02"),
        (r#"{"type":6}"#, "02 91 06"),
        (
            r#"{"type":7,"error":"e","allowReconnect":true}"#,
            "05 93 07 a165 c3",
        ),
    ];
    for (json, messagepack) in cases {
        let (json, messagepack) = (format!("{json}\x1e").into_bytes(), hex(messagepack));
        assert_eq!(
            transcode::message(Json, MessagePack, &json),
            Ok(messagepack.clone())
        );
        assert_eq!(
            transcode::message(MessagePack, Json, &messagepack),
            Ok(json.clone())
        );
        assert_eq!(transcode::message(Json, Json, &json), Ok(json));
    }
}

#[test]
fn only_one_whole_message_is_converted() {
    let convert = |framed: &[u8]| transcode::message(Json, MessagePack, framed);
    assert_eq!(convert(b"{\"type\":6}"), Err(TranscodeError::Framing));
    assert_eq!(convert(b"{\"type\":6}\x1e{"), Err(TranscodeError::Framing));
    assert_eq!(
        convert(b"{\"type\":5,\"invocationId\":\"1\"}\x1e"),
        Err(TranscodeError::Type)
    );
    assert!(matches!(
        convert(b"{}\x1e"),
        Err(TranscodeError::Protocol(_))
    ));
    let nan = hex("0f 96 01 80 c0 a141 91 cb7ff8000000000000 90");
    let nan = [vec![nan.len() as u8 - 1], nan[1..].to_vec()].concat();
    assert!(matches!(
        transcode::message(MessagePack, Json, &nan),
        Err(TranscodeError::Value(_))
    ));
}

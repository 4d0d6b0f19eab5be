//! What the server says, to the byte.

use super::{
    hex,
    protocol::{
        Encode, EncodeArguments, EncodeError,
        Protocol::{self, Json, MessagePack},
        Raw, RawPayload,
        write::*,
    },
};

type Case = (
    &'static str,
    fn(Protocol, &mut Vec<u8>),
    &'static str,
    &'static str,
);

/// Name, what to write, its JSON without separator, its MessagePack body.
const CASES: &[Case] = &[
    (
        "invocation",
        |p, out| write_invocation(p, out, None, "Note", &("x", 1, None::<i32>)).unwrap(),
        r#"{"type":1,"target":"Note","arguments":["x",1,null]}"#,
        "96 01 80 c0 a4 4e6f7465 93 a178 01 c0 90",
    ),
    (
        "invocation without arguments",
        |p, out| write_invocation(p, out, None, "Note", &()).unwrap(),
        r#"{"type":1,"target":"Note","arguments":[]}"#,
        "96 01 80 c0 a4 4e6f7465 90 90",
    ),
    (
        "invocation that wants an answer",
        |p, out| write_invocation(p, out, Some("xyz"), "method", &(42,)).unwrap(),
        r#"{"type":1,"invocationId":"xyz","target":"method","arguments":[42]}"#,
        "96 01 80 a3 78797a a6 6d6574686f64 91 2a 90",
    ),
    (
        "strings to be escaped",
        |p, out| write_invocation(p, out, Some("\"\x1e"), "\\\u{7f}", &("\u{1f600}",)).unwrap(),
        r#"{"type":1,"invocationId":"\"\u001E","target":"\\\u007F","arguments":["\uD83D\uDE00"]}"#,
        "96 01 80 a2 221e a2 5c7f 91 a4 f09f9880 90",
    ),
    (
        "stream item",
        |p, out| write_stream_item(p, out, "xyz", &42).unwrap(),
        r#"{"type":2,"invocationId":"xyz","item":42}"#,
        "94 02 80 a3 78797a 2a",
    ),
    (
        "result",
        |p, out| write_result(p, out, "xyz", &42).unwrap(),
        r#"{"type":3,"invocationId":"xyz","result":42}"#,
        "95 03 80 a3 78797a 03 2a",
    ),
    (
        "result of a method that returns nothing",
        |p, out| write_result(p, out, "xyz", &()).unwrap(),
        r#"{"type":3,"invocationId":"xyz","result":null}"#,
        "95 03 80 a3 78797a 03 c0",
    ),
    (
        "error",
        |p, out| write_error(p, out, "xyz", "Error"),
        r#"{"type":3,"invocationId":"xyz","error":"Error"}"#,
        "95 03 80 a3 78797a 01 a5 4572726f72",
    ),
    (
        "end of a stream",
        |p, out| write_void(p, out, "xyz"),
        r#"{"type":3,"invocationId":"xyz"}"#,
        "94 03 80 a3 78797a 02",
    ),
    (
        "ping",
        |p, out| write_ping(p, out),
        r#"{"type":6}"#,
        "91 06",
    ),
    (
        "close",
        |p, out| write_close(p, out, None, false),
        r#"{"type":7}"#,
        "93 07 c0 c2",
    ),
    (
        "close with everything",
        |p, out| write_close(p, out, Some("Error"), true),
        r#"{"type":7,"error":"Error","allowReconnect":true}"#,
        "93 07 a5 4572726f72 c3",
    ),
    (
        "close to come again",
        |p, out| write_close(p, out, None, true),
        r#"{"type":7,"allowReconnect":true}"#,
        "93 07 c0 c3",
    ),
    (
        "ack",
        |p, out| write_ack(p, out, 36),
        r#"{"type":8,"sequenceId":36}"#,
        "92 08 24",
    ),
    (
        "sequence",
        |p, out| write_sequence(p, out, 256),
        r#"{"type":9,"sequenceId":256}"#,
        "92 09 cd0100",
    ),
];

#[test]
fn every_message_is_appended_byte_for_byte() {
    for (name, write, json, messagepack) in CASES {
        let mut out = b"before".to_vec();
        write(Json, &mut out);
        assert_eq!(
            String::from_utf8(out).unwrap(),
            format!("before{json}\x1e"),
            "{name}"
        );
        let mut out = b"before".to_vec();
        write(MessagePack, &mut out);
        assert_eq!(
            out,
            [b"before".to_vec(), hex(messagepack)].concat(),
            "{name}"
        );
    }
}

#[test]
fn a_failed_write_leaves_nothing_behind() {
    let nan = &f64::NAN as &dyn Encode;
    let mut out = b"before".to_vec();
    assert!(write_result(Json, &mut out, "1", nan).is_err());
    assert!(write_stream_item(Json, &mut out, "1", nan).is_err());
    assert!(write_invocation(Json, &mut out, None, "A", &(1, f32::INFINITY)).is_err());
    assert_eq!(out, b"before");
}

#[test]
fn arguments_may_be_a_tuple_of_eight_or_a_list_of_payloads() {
    let array = |arguments: &dyn EncodeArguments, protocol| -> Result<Vec<u8>, EncodeError> {
        let mut out = Vec::new();
        arguments.encode_array(protocol, &mut out)?;
        Ok(out)
    };
    let eight = (1, 2, 3, 4, 5, 6, 7, "8");
    assert_eq!(array(&eight, Json).unwrap(), br#"[1,2,3,4,5,6,7,"8"]"#);
    assert_eq!(
        array(&eight, MessagePack).unwrap(),
        hex("98 01020304050607 a138")
    );
    let payloads = vec![
        RawPayload::from(Raw::Json("1.0")),
        RawPayload::from(Raw::MessagePack(&[0x2a])),
    ];
    assert_eq!(array(&payloads, Json).unwrap(), b"[1.0,42]");
    assert_eq!(
        array(&payloads, MessagePack).unwrap(),
        hex("92 cb3ff0000000000000 2a")
    );
}

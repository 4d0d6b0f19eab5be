//! Messages that are understood although something about them is odd: ids, targets, arguments that
//! only fail their call.

use super::{
    hex,
    protocol::{
        ClientMessage,
        Protocol::{Json, MessagePack},
        parse,
    },
};

#[test]
fn an_empty_json_target_is_for_the_hub_to_refuse() {
    let message = parse(Json, br#"{"type":1,"target":"","arguments":[]}"#);
    assert!(matches!(message, Ok(ClientMessage::Invocation(call)) if call.target.is_empty()));
}

#[test]
fn escapes_in_ids_and_targets_are_undone() {
    let text = r#"{"type":5,"invocationId":"a\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00"}"#;
    let id = "a\"\\/\u{8}\u{c}\n\r\t\u{e9}\u{1f600}".into();
    assert_eq!(
        parse(Json, text.as_bytes()),
        Ok(ClientMessage::CancelInvocation { invocation_id: id })
    );
}

#[test]
fn messagepack_ids_that_are_not_utf8_get_replacement_characters() {
    let id = "a\u{fffd}".into();
    let message = parse(MessagePack, b"\x93\x05\x80\xa2a\xff");
    assert_eq!(
        message,
        Ok(ClientMessage::CancelInvocation { invocation_id: id })
    );
}

#[test]
fn undecodable_arguments_fail_the_call_and_not_the_connection() {
    let cases = [
        (
            "94 01 80 a131 a141",
            "Reading array length for 'arguments' failed.",
        ),
        (
            "95 01 80 a131 a141 c0",
            "Reading array length for 'arguments' failed.",
        ),
        (
            "96 01 80 a131 a141 80 90",
            "Reading array length for 'arguments' failed.",
        ),
        (
            "96 04 80 a131 a141 a161 90",
            "Reading array length for 'arguments' failed.",
        ),
        (
            "95 01 80 a131 a141 99 01",
            "Reading array length for 'arguments' failed.",
        ),
        (
            "95 01 80 a131 a141 91 c1",
            super::protocol::DecodeError::BINDING,
        ),
        (
            "95 01 80 a131 a141 91 a5 6161",
            super::protocol::DecodeError::BINDING,
        ),
    ];
    for (body, error) in cases {
        let body = hex(body);
        let Ok(ClientMessage::Invocation(call) | ClientMessage::StreamInvocation(call)) =
            parse(MessagePack, &body)
        else {
            panic!("{body:x?} is not an invocation");
        };
        assert_eq!(call.invocation_id.as_deref(), Some("1"));
        assert_eq!(call.target, "A");
        assert_eq!(call.arguments.unwrap_err().to_string(), error, "{body:x?}");
    }
}

#[test]
fn messagepack_arguments_nested_beyond_the_limit_fail_the_call() {
    for (depth, fits) in [(128, true), (129, false), (100_000, false)] {
        let mut body = hex("95 01 80 a131 a141 91");
        body.extend(vec![0x91; depth - 1]);
        body.push(0x90);
        let Ok(ClientMessage::Invocation(call)) = parse(MessagePack, &body) else {
            panic!("not an invocation");
        };
        assert_eq!(call.arguments.is_ok(), fits, "{depth}");
    }
}

//! MessagePack that ends the connection, with the text of the reference.

use super::{
    hex,
    protocol::{Protocol::MessagePack, parse},
};

#[test]
fn every_defect_has_its_text() {
    let cases: &[(&str, &str)] = &[
        (
            "",
            "EndOfStreamException: Attempted to read past the end of the stream.",
        ),
        (
            "dc00",
            "EndOfStreamException: Attempted to read past the end of the stream.",
        ),
        (
            "96 01",
            "EndOfStreamException: Attempted to read past the end of the stream.",
        ),
        (
            "06",
            "MessagePackSerializationException: Unexpected msgpack code 6 (positive fixint) encountered.",
        ),
        (
            "c1",
            "MessagePackSerializationException: Unexpected msgpack code 193 ((never used)) encountered.",
        ),
        (
            "90",
            "InvalidDataException: Reading 'messageType' as Int32 failed.",
        ),
        (
            "91 a131",
            "InvalidDataException: Reading 'messageType' as Int32 failed.",
        ),
        (
            "91 ca3f800000",
            "InvalidDataException: Reading 'messageType' as Int32 failed.",
        ),
        (
            "91 cf0000000100000001",
            "InvalidDataException: Reading 'messageType' as Int32 failed.",
        ),
        (
            "96 01 c0 a131 a141 90 90",
            "InvalidDataException: Reading map length for 'headers' failed.",
        ),
        (
            "96 01 90 a131 a141 90 90",
            "InvalidDataException: Reading map length for 'headers' failed.",
        ),
        (
            "91 01",
            "InvalidDataException: Reading map length for 'headers' failed.",
        ),
        (
            "96 01 81a16101 a131 a141 90 90",
            "InvalidDataException: Reading 'headers[0].Value' as String failed.",
        ),
        (
            "96 01 82a161a16202a163 a131 a141 90 90",
            "InvalidDataException: Reading 'headers[1].Key' as String failed.",
        ),
        (
            "96 01 81a0a161 a131 a141 90 90",
            "InvalidDataException: Null or empty key in header.",
        ),
        (
            "96 01 81a161c0 a131 a141 90 90",
            "InvalidDataException: Null or empty value in header.",
        ),
        (
            "96 01 80 05 a141 90 90",
            "InvalidDataException: Reading 'invocationId' as String failed.",
        ),
        (
            "92 01 80",
            "InvalidDataException: Reading 'invocationId' as String failed.",
        ),
        (
            "96 01 80 a131 07 90 90",
            "InvalidDataException: Reading 'target' as String failed.",
        ),
        (
            "96 01 80 a131 c0 90 90",
            "InvalidDataException: Null or empty target for Invocation message.",
        ),
        (
            "96 01 80 a131 a0 90 90",
            "InvalidDataException: Null or empty target for Invocation message.",
        ),
        (
            "96 04 80 c0 a141 90 90",
            "InvalidDataException: Null or empty invocation ID for StreamInvocation message.",
        ),
        (
            "96 04 80 a0 a141 90 90",
            "InvalidDataException: Null or empty invocation ID for StreamInvocation message.",
        ),
        (
            "96 04 80 a131 c0 90 90",
            "InvalidDataException: Null or empty target for StreamInvocation message.",
        ),
        (
            "94 02 80 c0 01",
            "InvalidDataException: Null or empty invocation ID for StreamItem message.",
        ),
        (
            "93 02 80 a131",
            "InvalidDataException: Deserializing object of the value for 'item' failed.",
        ),
        (
            "94 02 80 a131 92",
            "InvalidDataException: Deserializing object of the value for 'item' failed.",
        ),
        (
            "95 03 80 a0 03 01",
            "InvalidDataException: Null or empty invocation ID for Completion message.",
        ),
        (
            "95 03 80 a131 09 01",
            "InvalidDataException: Invalid invocation result kind.",
        ),
        (
            "95 03 80 a131 00 01",
            "InvalidDataException: Invalid invocation result kind.",
        ),
        (
            "95 03 80 a131 a133 01",
            "InvalidDataException: Reading 'resultKind' as Int32 failed.",
        ),
        (
            "95 03 80 a131 01 05",
            "InvalidDataException: Reading 'error' as String failed.",
        ),
        (
            "94 03 80 a131 03",
            "InvalidDataException: Deserializing object of the value for 'argument' failed.",
        ),
        (
            "93 05 80 c0",
            "InvalidDataException: Null or empty invocation ID for CancelInvocation message.",
        ),
        (
            "93 05 80 a5 31",
            "InvalidDataException: Reading 'invocationId' as String failed.",
        ),
        (
            "91 07",
            "InvalidDataException: Reading 'error' as String failed.",
        ),
        (
            "92 07 01",
            "InvalidDataException: Reading 'error' as String failed.",
        ),
        (
            "93 07 c0 01",
            "InvalidDataException: Reading 'allowReconnect' as Boolean failed.",
        ),
        (
            "91 08",
            "InvalidDataException: Reading 'sequenceId' as Int64 failed.",
        ),
        (
            "92 09 a131",
            "InvalidDataException: Reading 'sequenceId' as Int64 failed.",
        ),
        (
            "92 08 cfffffffffffffffff",
            "InvalidDataException: Reading 'sequenceId' as Int64 failed.",
        ),
        (
            "96 01 80 a131 a141 90 a161",
            "InvalidDataException: Reading array length for 'streamIds' failed.",
        ),
        (
            "96 01 80 a131 a141 90 c0",
            "InvalidDataException: Reading array length for 'streamIds' failed.",
        ),
        (
            "96 01 80 a131 a141 90 91c0",
            "InvalidDataException: Null or empty value in streamIds received.",
        ),
    ];
    for (body, expected) in cases {
        match parse(MessagePack, &hex(body)) {
            Err(error) => assert_eq!(
                format!("{}: {error}", error.exception_type()),
                *expected,
                "{body}"
            ),
            Ok(message) => panic!("{body} was taken for {message:?}"),
        }
    }
}

#[test]
fn a_completion_of_nil_error_is_void() {
    let (nil, void) = (hex("95 03 80 a131 01 c0"), hex("94 03 80 a131 02"));
    assert_eq!(parse(MessagePack, &nil), parse(MessagePack, &void));
}

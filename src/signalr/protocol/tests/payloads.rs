//! Values passed on unchanged.

use super::{
    hex,
    protocol::{
        Decode, Encode,
        Protocol::{Json, MessagePack},
        Raw, RawPayload,
    },
};

#[test]
fn json_is_kept_to_the_letter() {
    for text in [
        "1.0",
        "1e5",
        "1E+5",
        "12345678901234567890123",
        "-0",
        r#"{"B": [1, "\u0041"]}"#,
        "null",
    ] {
        let payload = RawPayload::decode(Raw::Json(text)).unwrap();
        let mut out = Vec::new();
        payload.encode(Json, &mut out).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), text);
        assert_eq!(payload.as_raw(), Raw::Json(text));
    }
}

#[test]
fn messagepack_is_spelled_as_the_reference_passes_it_on() {
    let cases = [
        // On its own an integer takes its shortest form.
        ("01", "01"),
        ("ff", "ff"),
        ("cc01", "01"),
        ("d3ffffffffffffffff", "ff"),
        ("cf00000000000000ff", "ccff"),
        // Inside something it keeps its width, and gets one if it had none.
        ("93 01 a161 c0", "93 cc01 a161 c0"),
        ("94 ff cc05 cd00cd d10001", "94 d0ff cc05 cd00cd d10001"),
        ("81 01 91 e0", "81 cc01 91 d0e0"),
        ("dc0001 ca3fc00000", "91 ca3fc00000"),
        // Everything else is the same, headers in their shortest form.
        ("cb3ff8000000000000", "cb3ff8000000000000"),
        ("ca3fc00000", "ca3fc00000"),
        ("d90178", "a178"),
        ("c0", "c0"),
        ("c3", "c3"),
        (
            "81a44b65657081a24d79a443617365",
            "81a44b65657081a24d79a443617365",
        ),
        ("c50002 0102", "c4020102"),
        ("d6ff65bdb8f2", "d6ff65bdb8f2"),
        ("91 c7030a010203", "91 c7030a010203"),
        ("de0000", "80"),
    ];
    for (bytes, expected) in cases {
        let payload = RawPayload::decode(Raw::MessagePack(&hex(bytes))).unwrap();
        let mut out = Vec::new();
        payload.encode(MessagePack, &mut out).unwrap();
        assert_eq!(out, hex(expected), "{bytes}");
    }
}

#[test]
fn bytes_that_are_not_one_value_are_no_payload() {
    for bytes in ["", "91", "0101", "90 90", "a5 31", "c1"] {
        assert!(
            RawPayload::decode(Raw::MessagePack(&hex(bytes))).is_err(),
            "{bytes}"
        );
    }
}

//! Cutting a stream of bytes into messages.

use super::{
    hex,
    protocol::{
        Protocol::{self, Json, MessagePack},
        ProtocolError,
        framing::{Split, length_prefix, split, split_record},
    },
};

fn split_one(
    protocol: Protocol,
    buffer: &[u8],
    maximum: Option<usize>,
) -> Result<Option<(Vec<u8>, usize)>, ProtocolError> {
    Ok(match split(protocol, buffer, &mut 0, maximum)? {
        Split::Message { body, consumed } => Some((body.to_vec(), consumed)),
        Split::Incomplete => None,
    })
}

#[test]
fn json_messages_end_with_the_separator() {
    assert_eq!(
        split_one(Json, b"{}\x1e{", None),
        Ok(Some((b"{}".to_vec(), 3)))
    );
    assert_eq!(split_one(Json, b"\x1e", None), Ok(Some((Vec::new(), 1))));
    assert_eq!(split_one(Json, b"{}", None), Ok(None));
    assert_eq!(split_one(Json, b"", None), Ok(None));
}

#[test]
fn messagepack_messages_follow_their_length() {
    assert_eq!(
        split_one(MessagePack, &hex("02 91 06 03"), None),
        Ok(Some((hex("91 06"), 3)))
    );
    assert_eq!(
        split_one(MessagePack, &hex("00 02"), None),
        Ok(Some((Vec::new(), 1)))
    );
    assert_eq!(
        split_one(MessagePack, &hex("82 80 00 91 06"), None),
        Ok(Some((hex("91 06"), 5)))
    );
    assert_eq!(split_one(MessagePack, &hex("02 91"), None), Ok(None));
    assert_eq!(split_one(MessagePack, &hex("80"), None), Ok(None));
    assert_eq!(
        split_one(MessagePack, &hex("ff ff ff ff 07"), None),
        Ok(None)
    );
    assert_eq!(split_one(MessagePack, &[], None), Ok(None));
    for too_big in ["ff ff ff ff 08", "80 80 80 80 80", "80 80 80 80 10 00"] {
        let error = split_one(MessagePack, &hex(too_big), None).unwrap_err();
        assert_eq!(error.exception_type(), "FormatException");
        assert_eq!(
            error.to_string(),
            "Messages over 2GB in size are not supported."
        );
    }
}

#[test]
fn lengths_are_written_as_the_reference_says() {
    for (length, prefix) in [
        (0, "00"),
        (53, "35"),
        (127, "7f"),
        (128, "80 01"),
        (5248, "80 29"),
        (2_147_483_647, "ff ff ff ff 07"),
    ] {
        assert_eq!(*length_prefix(length), *hex(prefix), "{length}");
    }
}

#[test]
fn the_limit_counts_separator_and_prefix() {
    assert_eq!(
        split_one(Json, b"12345678\x1e", Some(9)),
        Ok(Some((b"12345678".to_vec(), 9)))
    );
    assert_eq!(split_one(Json, b"123456789", Some(9)), Ok(None));
    let error = split_one(Json, b"123456789\x1e", Some(9)).unwrap_err();
    assert_eq!(error.exception_type(), "InvalidDataException");
    assert_eq!(
        error.to_string(),
        "The maximum message size of 9B was exceeded. The message size can be configured in AddHubOptions."
    );
    assert_eq!(
        split_one(MessagePack, b"\x0212", Some(3)),
        Ok(Some((b"12".to_vec(), 3)))
    );
    assert_eq!(split_one(MessagePack, b"\x0312", Some(3)), Ok(None));
    let too_large = Err(ProtocolError::MessageTooLarge { maximum: 3 });
    assert_eq!(split_one(MessagePack, b"\x03123", Some(3)), too_large);
}

#[test]
fn several_small_messages_may_exceed_the_limit_together() {
    assert_eq!(
        split_one(Json, b"1\x1e2\x1e3\x1e", Some(2)),
        Ok(Some((b"1".to_vec(), 2)))
    );
}

#[test]
fn bytes_without_separator_are_searched_once() {
    let mut scanned = 0;
    assert_eq!(split_record(b"{\"a\":", &mut scanned), None);
    assert_eq!(scanned, 5);
    assert_eq!(
        split_record(b"{\"a\":1}\x1e{}\x1e", &mut scanned),
        Some((&b"{\"a\":1}"[..], 8))
    );
    assert_eq!(scanned, 0);
}

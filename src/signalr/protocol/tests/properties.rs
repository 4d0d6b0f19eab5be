//! Bytes nobody planned.

use proptest::{collection::vec, prelude::*};

use super::{
    checks,
    protocol::{
        ClientMessage,
        Protocol::{Json, MessagePack},
        Raw, RawPayload, parse,
        write::write_invocation,
    },
};

/// Text that looks like a message more often than random bytes do.
fn json_pieces() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "{",
        "}",
        "[",
        "]",
        ":",
        ",",
        "\"type\"",
        "1",
        "2",
        "3",
        "4",
        "5",
        "6",
        "7",
        "8",
        "9",
        "\"target\"",
        "\"arguments\"",
        "\"invocationId\"",
        "\"streamIds\"",
        "\"headers\"",
        "\"item\"",
        "\"result\"",
        "\"error\"",
        "\"allowReconnect\"",
        "\"sequenceId\"",
        "null",
        "true",
        "1.5e300",
        "-0",
        "\"a\\u0041\\ud800\"",
        "\"x\"",
        " ",
    ]);
    vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

/// Bytes that begin like a MessagePack message.
fn messagepack_pieces() -> impl Strategy<Value = Vec<u8>> {
    let begin = (
        0x90u8..0x98,
        0u8..12,
        prop::sample::select(vec![0x80u8, 0x81, 0xc0]),
    );
    (begin, vec(any::<u8>(), 0..60))
        .prop_map(|((array, kind, headers), rest)| [vec![array, kind, headers], rest].concat())
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in vec(any::<u8>(), 0..200)) {
        checks::json(&bytes);
        checks::messagepack(&bytes);
        checks::handshake(&bytes);
    }

    #[test]
    fn no_json_makes_it_panic(text in json_pieces()) {
        checks::json(text.as_bytes());
        checks::handshake(text.as_bytes());
        checks::json(format!(r#"{{"type":2,"invocationId":"1","item":{text}}}"#).as_bytes());
    }

    #[test]
    fn no_messagepack_makes_it_panic(body in messagepack_pieces()) {
        checks::messagepack(&body);
    }

    #[test]
    fn any_split_of_these_bytes_gives_the_same_messages(
        how in any::<[u8; 4]>(),
        records in vec(vec(any::<u8>(), 0..40), 0..6),
        garbage in vec(any::<u8>(), 0..10),
    ) {
        let mut stream = how.to_vec();
        for record in &records {
            if how[0] & 1 == 0 {
                stream.extend(record.iter().filter(|&&byte| byte != 0x1e));
                stream.push(0x1e);
            } else {
                stream.push(record.len() as u8);
                stream.extend(record);
            }
        }
        stream.extend(&garbage);
        checks::framing(&stream);
        checks::framing(&[&how[..], &garbage].concat());
    }

    #[test]
    fn what_is_written_is_read_back(
        id in ".{1,20}",
        target in ".{1,20}",
        text in ".*",
        number in any::<i64>(),
        double in any::<f64>().prop_filter("JSON has no NaN", |double| double.is_finite()),
    ) {
        for protocol in [Json, MessagePack] {
            let mut out = Vec::new();
            write_invocation(protocol, &mut out, Some(&id), &target, &(&text, number, double)).unwrap();
            if protocol == Json {
                prop_assert_eq!(out.pop(), Some(0x1e));
            }
            let Ok(ClientMessage::Invocation(call)) = parse(protocol, &out) else {
                panic!("not an invocation");
            };
            prop_assert_eq!(call.invocation_id.as_deref(), Some(&*id));
            prop_assert_eq!(&call.target, &target);
            let arguments = call.arguments.unwrap();
            prop_assert_eq!(decode::<String>(arguments[0]), text.clone());
            prop_assert_eq!(decode::<i64>(arguments[1]), number);
            prop_assert_eq!(decode::<f64>(arguments[2]).to_bits(), double.to_bits());
            let _ = decode::<RawPayload>(arguments[0]);
        }
    }
}

fn decode<T: super::protocol::Decode>(raw: Raw<'_>) -> T {
    T::decode(raw).unwrap()
}

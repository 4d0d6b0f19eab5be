//! What must hold for any bytes whatever. Used by the property tests, by the replay of the fuzz
//! corpus, and by the fuzz targets, which include this file.

use super::protocol::{
    ClientMessage, Decode, Encode, Outcome, Protocol, ProtocolError, Raw, RawPayload,
    framing::{Split, split},
    handshake, parse, transcode,
};

/// A JSON record.
pub fn json(record: &[u8]) {
    message(Protocol::Json, record);
}

/// A MessagePack body.
pub fn messagepack(body: &[u8]) {
    message(Protocol::MessagePack, body);
}

/// A handshake record: parsing it and answering with its text must work.
pub fn handshake(record: &[u8]) {
    match handshake::parse(record) {
        Ok(request) => {
            let _ = request.select(&Protocol::ALL, Protocol::Json.transfer_format());
        }
        Err(error) => {
            let text = error.text(true);
            let response = handshake::response(Some(&text));
            let (separator, json) = response.split_last().expect("a response is not empty");
            assert_eq!(*separator, 0x1e);
            let response: serde_json::Value =
                serde_json::from_slice(json).expect("a response is JSON");
            assert_eq!(response["error"], text.as_str());
        }
    }
}

/// A stream of bytes behind four that say how to cut it: the pieces must hold the same messages
/// as the whole.
pub fn framing(data: &[u8]) {
    let Some(([how, step, limit, small], stream)) = data.split_first_chunk() else {
        return;
    };
    let protocol = if how & 1 == 0 {
        Protocol::Json
    } else {
        Protocol::MessagePack
    };
    let maximum = (how & 2 == 0).then(|| usize::from(*limit) + 1);
    let whole = messages(protocol, stream, stream.len().max(1), maximum);
    for step in [usize::from(*step) + 1, usize::from(*small % 4) + 1] {
        assert_eq!(
            messages(protocol, stream, step, maximum),
            whole,
            "in steps of {step}"
        );
    }
}

/// All messages in `stream` when it arrives in steps of so many bytes, and how it ended.
fn messages(
    protocol: Protocol,
    stream: &[u8],
    step: usize,
    maximum: Option<usize>,
) -> (Vec<Vec<u8>>, Result<usize, ProtocolError>) {
    let (mut found, mut buffer, mut scanned) = (Vec::new(), Vec::new(), 0);
    for piece in stream.chunks(step) {
        buffer.extend_from_slice(piece);
        loop {
            match split(protocol, &buffer, &mut scanned, maximum) {
                Ok(Split::Message { body, consumed }) => {
                    found.push(body.to_vec());
                    buffer.drain(..consumed);
                }
                Ok(Split::Incomplete) => break,
                Err(error) => return (found, Err(error)),
            }
        }
    }
    (found, Ok(buffer.len()))
}

fn message(protocol: Protocol, bytes: &[u8]) {
    let message = match parse(protocol, bytes) {
        Ok(message) => message,
        Err(error) => {
            assert!(!error.to_string().is_empty());
            return;
        }
    };
    for raw in raws(&message) {
        value(raw);
    }
    there_and_back(protocol, bytes);
}

fn raws<'a>(message: &ClientMessage<'a>) -> Vec<Raw<'a>> {
    match message {
        ClientMessage::Invocation(call) | ClientMessage::StreamInvocation(call) => {
            call.arguments.iter().flatten().copied().collect()
        }
        ClientMessage::StreamItem { item: raw, .. }
        | ClientMessage::Completion {
            outcome: Outcome::Result(raw),
            ..
        } => vec![*raw],
        _ => Vec::new(),
    }
}

/// One value out of a message: well-formed, whatever is made of it.
fn value(raw: Raw<'_>) {
    let _ = i32::decode(raw);
    let _ = f64::decode(raw);
    let _ = Option::<String>::decode(raw);
    let _ = Vec::<u8>::decode(raw);
    let _ = std::collections::BTreeMap::<String, Vec<i64>>::decode(raw);
    if let Ok(value) = serde_json::Value::decode(raw) {
        for protocol in Protocol::ALL {
            value
                .encode(protocol, &mut Vec::new())
                .expect("a JSON value fits both encodings");
        }
    }
    let payload = RawPayload::decode(raw).expect("a value of a message is a payload");
    assert_eq!(
        payload.protocol(),
        match raw {
            Raw::Json(_) => Protocol::Json,
            Raw::MessagePack(_) => Protocol::MessagePack,
        }
    );
    let mut other = Vec::new();
    if transcode::value(raw, &mut other).is_err() {
        return;
    }
    match raw {
        Raw::Json(_) => {
            let mut rest = &other[..];
            rmpv::decode::read_value(&mut rest).expect("MessagePack made of JSON is well-formed");
            assert!(rest.is_empty());
        }
        Raw::MessagePack(_) => {
            let text = std::str::from_utf8(&other).expect("JSON made of MessagePack is text");
            serde_json::from_str::<serde::de::IgnoredAny>(text)
                .expect("JSON made of MessagePack is well-formed");
        }
    }
}

/// Converting a message to and fro settles: a double without fraction may become an integer on
/// the way, and a float its JSON's double, but then nothing changes any more.
fn there_and_back(protocol: Protocol, bytes: &[u8]) {
    let to_json =
        |messagepack: &[u8]| transcode::message(Protocol::MessagePack, Protocol::Json, messagepack);
    let to_messagepack =
        |json: &[u8]| transcode::message(Protocol::Json, Protocol::MessagePack, json);
    let framed = frame(protocol, bytes);
    let first = match protocol {
        Protocol::Json => to_messagepack(&framed).and_then(|there| to_json(&there)),
        Protocol::MessagePack => to_json(&framed),
    };
    let Ok(first) = first else {
        return;
    };
    let round = |json: &[u8]| to_messagepack(json).and_then(|there| to_json(&there));
    // JSON nests less deeply than MessagePack, so a message may end here.
    let Ok(second) = round(&first) else {
        return;
    };
    assert_eq!(
        round(&second).expect("what went round once goes round again"),
        second
    );
}

fn frame(protocol: Protocol, body: &[u8]) -> Vec<u8> {
    match protocol {
        Protocol::Json => [body, b"\x1e"].concat(),
        Protocol::MessagePack => {
            [&*super::protocol::framing::length_prefix(body.len()), body].concat()
        }
    }
}

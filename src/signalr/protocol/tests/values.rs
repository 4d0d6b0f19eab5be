//! Typed values, and what does not fit them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    hex,
    protocol::{
        Decode, Encode,
        Protocol::{self, Json, MessagePack},
        Raw,
    },
};

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Order {
    side: Side,
    limit_price: Option<f64>,
    quantity: u32,
    tags: BTreeMap<String, i64>,
    #[serde(with = "serde_bytes")]
    signature: Vec<u8>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Side {
    Buy,
    Limit(i32),
    Range { from: i32, to: i32 },
    Pair(i32, i32),
}

fn encode(protocol: Protocol, value: &dyn Encode) -> Vec<u8> {
    let mut out = Vec::new();
    value.encode(protocol, &mut out).unwrap();
    out
}

fn raw(protocol: Protocol, bytes: &[u8]) -> Raw<'_> {
    match protocol {
        Json => Raw::Json(std::str::from_utf8(bytes).unwrap()),
        MessagePack => Raw::MessagePack(bytes),
    }
}

fn json<T: Decode>(text: &str) -> Option<T> {
    T::decode(Raw::Json(text)).ok()
}

fn messagepack<T: Decode>(bytes: &str) -> Option<T> {
    T::decode(Raw::MessagePack(&hex(bytes))).ok()
}

#[test]
fn a_struct_is_an_object_with_its_members_names() {
    let order = Order {
        side: Side::Buy,
        limit_price: None,
        quantity: 3,
        tags: BTreeMap::from([("a b".to_owned(), -1)]),
        signature: vec![1, 2, 3],
    };
    assert_eq!(
        String::from_utf8(encode(Json, &order)).unwrap(),
        r#"{"side":"Buy","limitPrice":null,"quantity":3,"tags":{"a b":-1},"signature":"AQID"}"#
    );
    assert_eq!(
        encode(MessagePack, &order),
        hex(
            "85 a473696465 a3427579 aa6c696d69745072696365 c0 a87175616e74697479 03
             a474616773 81a3612062ff a97369676e6174757265 c403010203"
        )
    );
    let bytes = encode(MessagePack, &order);
    assert_eq!(Order::decode(Raw::MessagePack(&bytes)), Ok(order));
}

#[test]
fn every_shape_of_value_comes_back() {
    let sides = vec![
        Side::Buy,
        Side::Limit(-1),
        Side::Range { from: 1, to: 300 },
        Side::Pair(1, 2),
    ];
    let map = BTreeMap::from([(1, 'a'), (-2, '\u{1f600}')]);
    let nested = (
        Some(Some(true)),
        [1.5f32, -0.0],
        "x\u{1e}".to_owned(),
        i64::MIN,
        u64::MAX,
    );
    for protocol in Protocol::ALL {
        let bytes = encode(protocol, &sides);
        assert_eq!(
            Vec::<Side>::decode(raw(protocol, &bytes)).as_ref(),
            Ok(&sides)
        );
        let bytes = encode(protocol, &map);
        assert_eq!(BTreeMap::decode(raw(protocol, &bytes)).as_ref(), Ok(&map));
        let bytes = encode(protocol, &nested);
        assert_eq!(Decode::decode(raw(protocol, &bytes)).as_ref(), Ok(&nested));
    }
}

#[test]
fn keys_that_are_no_text_cannot_be_written_as_json() {
    let map = BTreeMap::from([(vec![1], 1)]);
    assert!(map.encode(Json, &mut Vec::new()).is_err());
    assert_eq!(
        encode(Json, &BTreeMap::from([(true, ())])),
        br#"{"true":null}"#
    );
}

#[test]
fn json_integers_have_no_point_no_exponent_and_fit() {
    assert_eq!(json("2147483647"), Some(i32::MAX));
    assert_eq!(json("-2147483648"), Some(i32::MIN));
    assert_eq!(json("-0"), Some(0));
    assert_eq!(json("9007199254740993"), Some(9_007_199_254_740_993_i64));
    for text in [
        "2147483648",
        "1.0",
        "1e3",
        "1.5",
        "\"1\"",
        "null",
        "true",
        "[1]",
        "-2147483649",
    ] {
        assert_eq!(json::<i32>(text), None, "{text}");
    }
    assert_eq!(json::<i64>("9223372036854775808"), None);
    assert_eq!(json::<u8>("-1"), None);
}

#[test]
fn json_doubles_come_from_any_number_in_range() {
    for (text, value) in [
        ("1", 1.0),
        ("1.0", 1.0),
        ("1e3", 1000.0),
        ("-0.0", -0.0),
        ("-0", -0.0),
        ("5e-324", 5e-324),
    ] {
        assert_eq!(
            json::<f64>(text).map(f64::to_bits),
            Some(f64::to_bits(value)),
            "{text}"
        );
    }
    assert_eq!(json("0.30000000000000004"), Some(0.30000000000000004));
    assert_eq!(json("1.7976931348623157e308"), Some(f64::MAX));
    for text in ["1e400", "-1e400", "\"1\"", "\"NaN\"", "null", "true"] {
        assert_eq!(json::<f64>(text), None, "{text}");
    }
}

#[test]
fn json_strings_and_booleans_come_from_nothing_else() {
    assert_eq!(json(r#""a\ud83d\ude00""#), Some("a\u{1f600}".to_owned()));
    for text in [
        "5",
        "null",
        "true",
        "{}",
        r#""\ud800""#,
        r#""\udc00\ud800""#,
    ] {
        assert_eq!(json::<String>(text), None, "{text}");
    }
    for text in ["1", "0", "null", r#""true""#] {
        assert_eq!(json::<bool>(text), None, "{text}");
    }
    assert_eq!(json("null"), Some(None::<String>));
}

#[test]
fn messagepack_integers_come_in_any_width_but_not_from_floats() {
    for bytes in [
        "05",
        "cc05",
        "cd0005",
        "ce00000005",
        "cf0000000000000005",
        "d005",
        "d10005",
        "d200000005",
        "d30000000000000005",
    ] {
        assert_eq!(messagepack(bytes), Some(5i32), "{bytes}");
        assert_eq!(messagepack(bytes), Some(5u8), "{bytes}");
        assert_eq!(messagepack(bytes), Some(5.0f64), "{bytes}");
    }
    for bytes in [
        "cb4014000000000000",
        "ca40a00000",
        "a135",
        "c0",
        "c3",
        "ce80000000",
    ] {
        assert_eq!(messagepack::<i32>(bytes), None, "{bytes}");
    }
    assert_eq!(messagepack("ca3fc00000"), Some(1.5f64));
    assert_eq!(messagepack("cb7ff0000000000000"), Some(f64::INFINITY));
    assert_eq!(messagepack::<f64>("a131"), None);
    assert_eq!(messagepack::<bool>("01"), None);
    assert_eq!(messagepack::<String>("01"), None);
    assert_eq!(messagepack::<String>("c0"), None);
    assert_eq!(messagepack("c0"), Some(None::<String>));
}

#[test]
fn messagepack_integers_are_written_in_their_shortest_form() {
    let cases: &[(i64, &str)] = &[
        (0, "00"),
        (127, "7f"),
        (128, "cc80"),
        (255, "ccff"),
        (256, "cd0100"),
        (65535, "cdffff"),
        (65536, "ce00010000"),
        (4294967295, "ceffffffff"),
        (4294967296, "cf0000000100000000"),
        (-1, "ff"),
        (-32, "e0"),
        (-33, "d0df"),
        (-128, "d080"),
        (-129, "d1ff7f"),
        (-32769, "d2ffff7fff"),
        (-2147483649, "d3ffffffff7fffffff"),
        (i64::MAX, "cf7fffffffffffffff"),
        (i64::MIN, "d38000000000000000"),
    ];
    for (value, bytes) in cases {
        assert_eq!(encode(MessagePack, value), hex(bytes), "{value}");
    }
    assert_eq!(encode(MessagePack, &1.0f64), hex("cb3ff0000000000000"));
    assert_eq!(encode(MessagePack, &f64::NAN), hex("cb7ff8000000000000"));
    assert_eq!(
        encode(MessagePack, &"x".repeat(32)),
        [hex("d920"), vec![b'x'; 32]].concat()
    );
}

#[test]
fn a_serde_json_value_can_be_sent_and_received() {
    let value = serde_json::json!({"a": [1, -1, 1.5, null, "x"], "b": {"c": true}});
    for protocol in Protocol::ALL {
        let bytes = encode(protocol, &value);
        assert_eq!(
            serde_json::Value::decode(raw(protocol, &bytes)).as_ref(),
            Ok(&value)
        );
    }
}

#[test]
fn a_raw_value_is_refused_rather_than_garbled() {
    let raw = serde_json::value::RawValue::from_string("1".to_owned()).unwrap();
    assert!(raw.encode(Json, &mut Vec::new()).is_err());
}

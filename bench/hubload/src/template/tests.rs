//! Rendered messages, byte by byte, in both protocols.

use super::*;
use crate::mp;
use crate::proto::{Marker, Rec, inspect};
use crate::ws::{Proto, RS};

fn r(t: &Template, v: Vars) -> Vec<u8> {
    let mut o = Vec::new();
    t.render(&mut o, &v);
    o
}

const V: Vars = Vars {
    seq: 42,
    ts: 123_456_789_012,
    i: 7,
    id: 99,
};

#[test]
fn plain() {
    let t = Template::parse(
        r#"{"a":{{seq}},"b":{{ ts }},"p":"{{pad:5}}","c":{{i}},"g":{{i%4}},"o":{"x":{"y":1}}}"#,
    )
    .unwrap();
    assert_eq!(
        String::from_utf8(r(&t, V)).unwrap(),
        r#"{"a":42,"b":123456789012,"p":"abcde","c":7,"g":3,"o":{"x":{"y":1}}}"#
    );
    assert_eq!(r(&Template::parse("no holes").unwrap(), V), b"no holes");
    assert_eq!(r(&Template::parse("").unwrap(), V), b"");
    assert!(Template::parse("{{sec}}").is_err());
    assert!(Template::parse("{{pad:x}}").is_err());
    assert!(Template::parse("{{i%0}}").is_err());
    assert_eq!(r(&Template::parse("{{pad:0}}x{{").unwrap(), V), b"x{{");
}

#[test]
fn json_message() {
    let t = Template::message(
        Proto::Json,
        1,
        true,
        "Say \"x\"",
        r#"["g",{"seq":{{seq}},"ts":{{ts}}}]"#,
    )
    .unwrap();
    assert_eq!(
        String::from_utf8(r(&t, V)).unwrap(),
        "{\"type\":1,\"invocationId\":\"99\",\"target\":\"Say \\\"x\\\"\",\"arguments\":[\"g\",{\"seq\":42,\"ts\":123456789012}]}\x1e"
    );
    let t = Template::message(Proto::Json, 1, false, "T", "[]").unwrap();
    assert_eq!(
        r(&t, V),
        b"{\"type\":1,\"target\":\"T\",\"arguments\":[]}\x1e"
    );
    assert!(Template::message(Proto::Json, 1, true, "T", "{}").is_err());
    assert!(Template::message(Proto::Json, 1, true, "T", "[").is_err());
    let t = Template::message_for(Proto::Json, 1, true, "T", "[\"g-{{i%3}}\",{{seq}}]", 7).unwrap();
    assert_eq!(
        r(&t, V),
        b"{\"type\":1,\"invocationId\":\"99\",\"target\":\"T\",\"arguments\":[\"g-1\",42]}\x1e"
    );
}

#[test]
fn msgpack_message() {
    let args = r#"["g",{"seq":{{seq}},"ts":{{ts}},"pad":"{{pad:40}}","in":"at {{ts}}!","n":[null,true,false,-1,-200,1.5,300,70000,5000000000]}]"#;
    let t = Template::message(Proto::Msgpack, 1, true, "Receive", args).unwrap();
    let b = r(&t, V);
    let (len, off) = crate::ws::varint(&b).unwrap().unwrap();
    assert_eq!(len + off, b.len());
    let body = &b[off..];
    assert_eq!(mp::skip(body, 0), Some(body.len()));
    assert_eq!(&body[..4], &[0x96, 1, 0x80, 0xaa]);
    assert_eq!(&body[4..14], b"0000000099");
    assert_eq!(Marker::new("seq", Proto::Msgpack).find(body), Some(42));
    assert_eq!(
        Marker::new("ts", Proto::Msgpack).find(body),
        Some(123_456_789_012)
    );
    assert!(memchr::memmem::find(body, b"\xb4at 0000123456789012!").is_some());
    assert!(matches!(inspect(Proto::Msgpack, body), Rec::Invocation));
    let t = Template::message(Proto::Msgpack, 1, false, "R", "[]").unwrap();
    assert_eq!(r(&t, V), b"\x08\x96\x01\x80\xc0\xa1R\x90\x90");
}

#[test]
fn redis_payload() {
    let mut p = RedisPayload::new(
        "Receive",
        r#"[{"seq":{{seq}},"ts":{{ts}},"pad":"{{pad:300}}"}]"#,
        false,
    )
    .unwrap();
    let mut b = Vec::new();
    p.render(&mut b, &V);
    assert_eq!(mp::skip(&b, 0), Some(b.len()));
    assert_eq!(&b[..8], b"\x92\x90\x82\xa4json");
    assert_eq!(b[8], 0xc5);
    let n = u16::from_be_bytes([b[9], b[10]]) as usize;
    let json = &b[11..11 + n];
    assert_eq!(json.last(), Some(&RS));
    let v: serde_json::Value = serde_json::from_slice(&json[..n - 1]).unwrap();
    assert_eq!(v["arguments"][0]["seq"], 42);
    assert_eq!(v["target"], "Receive");
    let rest = &b[11 + n..];
    assert_eq!(&rest[..12], b"\xabmessagepack");
    assert_eq!(rest[12], 0xc5);
    let m = &rest[15..];
    let (len, off) = crate::ws::varint(m).unwrap().unwrap();
    assert_eq!(len + off, m.len());
    let mut p = RedisPayload::new("R", "[]", true).unwrap();
    let mut b = Vec::new();
    p.render(&mut b, &V);
    assert_eq!(&b[..3], b"\x92\xc0\x82");
}

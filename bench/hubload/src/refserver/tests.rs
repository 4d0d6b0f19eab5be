//! Reading hub messages without a JSON parser.

use super::*;

#[test]
fn messages() {
    let m = Msg::parse(br#" {"type":1, "invocationId":"7","target":"Publish","arguments":["g\"]", {"a":[1,"}"]} ,3]}"#).unwrap();
    assert_eq!(
        (m.ty, m.id, m.target),
        (b'1', Some(&b"7"[..]), &b"Publish"[..])
    );
    assert_eq!(m.arg(0).and_then(unquote), Some(&br#"g\"]"#[..]));
    assert_eq!(m.arg(1), Some(&br#"{"a":[1,"}"]}"#[..]));
    assert_eq!(m.arg(2), Some(&b"3"[..]));
    assert_eq!(m.arg(3), None);
    assert!(Msg::parse(b"{\"type\":").is_none());
    assert!(Msg::parse(b"[]").is_none());
    assert_eq!(Msg::parse(b"{\"type\":6}").unwrap().ty, b'6');
    assert_eq!(
        Msg::parse(b"{\"type\":1,\"arguments\":[]}").unwrap().arg(0),
        None
    );
}

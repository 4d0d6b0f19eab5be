//! Records and markers in both protocols.

use super::*;

#[test]
fn json_records() {
    let i = |s: &str| inspect(Proto::Json, s.as_bytes());
    assert_eq!(
        i(r#"{"type":1,"target":"x","arguments":[]}"#),
        Rec::Invocation
    );
    assert_eq!(
        i(r#"{"type":3,"invocationId":"12","result":{"error":1}}"#),
        Rec::Completion {
            id: 12,
            error: false
        }
    );
    assert_eq!(
        i(r#"{"type":3,"invocationId":"12"}"#),
        Rec::Completion {
            id: 12,
            error: false
        }
    );
    assert_eq!(
        i(r#"{"type":3,"invocationId":"12","error":"no"}"#),
        Rec::Completion {
            id: 12,
            error: true
        }
    );
    assert_eq!(
        i(r#"{"invocationId":"5","type":3,"error":"no"}"#),
        Rec::Completion { id: 5, error: true }
    );
    assert_eq!(
        i(r#"{"type": 3, "invocationId": "5"}"#),
        Rec::Completion {
            id: 5,
            error: false
        }
    );
    assert_eq!(
        i(r#"{"type":2,"invocationId":"7","item":3}"#),
        Rec::Item { id: 7 }
    );
    assert_eq!(i(r#"{"type":6}"#), Rec::Ping);
    assert_eq!(i(r#"{"type":7,"error":"x"}"#), Rec::Close);
    assert_eq!(i("junk"), Rec::Other);
    assert_eq!(error_text(Proto::Json, br#"{"type":7,"error":"x"}"#), "x");
}

#[test]
fn msgpack_records() {
    let i = |b: &[u8]| inspect(Proto::Msgpack, b);
    assert_eq!(i(b"\x91\x06"), Rec::Ping);
    assert_eq!(
        i(b"\x95\x03\x80\xa212\x03\x05"),
        Rec::Completion {
            id: 12,
            error: false
        }
    );
    assert_eq!(
        i(b"\x95\x03\x81\xa1a\xa1b\xa212\x01\xa2no"),
        Rec::Completion {
            id: 12,
            error: true
        }
    );
    assert_eq!(i(b"\x94\x02\x80\xa17\x05"), Rec::Item { id: 7 });
    assert_eq!(i(b"\x93\x07\xa2no\xc2"), Rec::Close);
    assert_eq!(i(b"\x96\x01\x80\xc0\xa1x\x90\x90"), Rec::Invocation);
    assert_eq!(i(b""), Rec::Other);
    assert_eq!(i(b"\x95\x03\x80\xa2"), Rec::Other);
    assert_eq!(
        error_text(Proto::Msgpack, b"\x95\x03\x80\xa212\x01\xa2no"),
        "no"
    );
    assert_eq!(error_text(Proto::Msgpack, b"\x93\x07\xa2no\xc2"), "no");
}

#[test]
fn markers() {
    let mut m = Marker::new("seq", Proto::Json);
    assert_eq!(
        m.find(br#"{"type":1,"arguments":[{"seq":12,"ts":34}]}"#),
        Some(12)
    );
    assert_eq!(
        m.find(br#"{"type":1,"arguments":[{"seq":13,"ts":34}]}"#),
        Some(13)
    );
    assert_eq!(m.find(br#"{"seq": 14}"#), Some(14));
    assert_eq!(m.find(br#"{"seq":"15"}"#), Some(15));
    assert_eq!(m.find(br#"{"type":6}"#), None);
    assert_eq!(m.find(br#"{"seq":"#), None);
    let mut m = Marker::new("ts", Proto::Msgpack);
    assert_eq!(m.find(b"..\xa2ts\xcd\x01\x00"), Some(256));
    assert_eq!(m.find(b"..\xa2ts\x05"), Some(5));
    assert_eq!(m.find(b"{\"ts\":77}"), Some(77));
    assert_eq!(
        m.find(b"\xa2ts\xcb\x40\x59\x00\x00\x00\x00\x00\x00"),
        Some(100)
    );
}

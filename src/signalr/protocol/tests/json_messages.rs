//! JSON messages, both ways.

use crate::signalr::protocol::{ClientMessage, Protocol, Raw, parse, write::write_invocation};

#[test]
fn members_come_in_any_order() {
    let text = br#"{"target":"Add","arguments":[1,{"a":[2]}],"invocationId":"0","type":1}"#;
    let Ok(ClientMessage::Invocation(call)) = parse(Protocol::Json, text) else {
        panic!("not an invocation");
    };
    assert_eq!(call.target, "Add");
    assert_eq!(
        call.arguments.unwrap().as_slice(),
        [Raw::Json("1"), Raw::Json(r#"{"a":[2]}"#)]
    );
}

#[test]
fn an_invocation_is_written_in_both_protocols() {
    let mut out = Vec::new();
    write_invocation(Protocol::Json, &mut out, None, "Note", &("x", 1)).unwrap();
    assert_eq!(
        out,
        b"{\"type\":1,\"target\":\"Note\",\"arguments\":[\"x\",1]}\x1e"
    );
    out.clear();
    write_invocation(Protocol::MessagePack, &mut out, None, "Note", &("x",)).unwrap();
    assert_eq!(out, b"\x96\x01\x80\xc0\xa4Note\x91\xa1x\x90");
}

//! What is JSON, and how deep it may nest.

use super::{
    json_errors::error_of,
    protocol::{ClientMessage, Protocol::Json, parse},
};

#[test]
fn anything_that_is_not_json_is_malformed() {
    let cases: &[&[u8]] = &[
        b"",
        b" ",
        b"hello",
        b"6x",
        b"\"x",
        b"nul",
        b"{",
        br#"{"type":1,"#,
        br#"{"type":1,"target":"Ad"#,
        br#"{"type":6,}"#,
        br#"{,"type":6}"#,
        br"{'type':6}",
        br#"{type:6}"#,
        br#"{"type":06}"#,
        br#"{"type":+6}"#,
        br#"{"type":6}}"#,
        br#"{"type":6} x"#,
        br#"{"type":6}{"type":6}"#,
        br#"{"type":6,"x":tru}"#,
        br#"{"type":6,"x":1e}"#,
        br#"{"type":6,"x":NaN}"#,
        br#"{"type":6,"x":[1,]}"#,
        br#"{"type":6,"x":"\x"}"#,
        b"{\"type\":6,\"x\":\"\n\"}",
        br#"{"type":6 /* no */}"#,
        br#"{"type":2,"invocationId":"x","item":}"#,
        b"\xef\xbb\xbf{\"type\":6}",
        b"{\"type\":6,\"x\":\"\xff\"}",
        b"{\"type\":6,\"x\":\"\xc3\"}",
        br#"{"type":5,"invocationId":"\ud800"}"#,
    ];
    for text in cases {
        let shown = String::from_utf8_lossy(text);
        assert_eq!(
            error_of(text),
            "InvalidDataException: Error reading JSON.",
            "{shown}"
        );
    }
}

#[test]
fn the_first_defect_decides() {
    let text = br#"{"type":1,"error":null,"target":5,"arguments":tru"#;
    assert_eq!(
        error_of(text),
        "InvalidDataException: Expected 'error' to be of type String."
    );
    let text = br#"{"x":tru,"error":null}"#;
    assert_eq!(error_of(text), "InvalidDataException: Error reading JSON.");
}

#[test]
fn sixty_four_levels_are_allowed() {
    let nested = |levels: usize| {
        // The message itself is the first level, `arguments` the second.
        let (open, close) = ("[".repeat(levels - 2), "]".repeat(levels - 2));
        format!(r#"{{"type":1,"target":"A","arguments":[{open}{close}]}}"#)
    };
    assert!(matches!(
        parse(Json, nested(64).as_bytes()),
        Ok(ClientMessage::Invocation(_))
    ));
    assert_eq!(
        error_of(nested(65).as_bytes()),
        "InvalidDataException: Error reading JSON."
    );
    assert_eq!(
        error_of(nested(100_000).as_bytes()),
        "InvalidDataException: Error reading JSON."
    );
    let unclosed = "{\"x\":[".repeat(50_000);
    assert_eq!(
        error_of(unclosed.as_bytes()),
        "InvalidDataException: Error reading JSON."
    );
}

#[test]
fn brackets_in_strings_and_siblings_are_not_depth() {
    let text = format!(
        r#"{{"type":1,"target":"A","arguments":["\"{}",{}1]}}"#,
        "[".repeat(200),
        "[{}],".repeat(200)
    );
    assert!(parse(Json, text.as_bytes()).is_ok());
}

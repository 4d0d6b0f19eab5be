//! The first record of a connection.

use super::protocol::{
    Protocol, TransferFormat,
    handshake::{HandshakeError, HandshakeRequest, parse, response},
};

#[test]
fn a_request_names_protocol_and_version() {
    let cases = [
        (r#"{"protocol":"json","version":1}"#, "json", 1),
        (
            r#"{"version":1,"x":[1,{"y":null}],"protocol":"JSON"}"#,
            "JSON",
            1,
        ),
        (r#" {"protocol" : "FöO", "version" : 3} "#, "FöO", 3),
        (
            r#"{"protocol":"a","version":9,"protocol":"json","version":-2}"#,
            "json",
            -2,
        ),
    ];
    for (text, protocol, version) in cases {
        let request = HandshakeRequest {
            protocol: protocol.to_owned(),
            version,
        };
        assert_eq!(parse(text.as_bytes()), Ok(request), "{text}");
    }
}

#[test]
fn a_malformed_request_is_explained_in_detail_only() {
    let cases: &[(&str, &str)] = &[
        (
            r#"{"protocol":"json"}"#,
            r#"InvalidDataException: Missing required property 'version'. Message content: {"protocol":"json"}"#,
        ),
        (
            r#"{"Protocol":"json","Version":1}"#,
            r#"InvalidDataException: Missing required property 'protocol'. Message content: {"Protocol":"json","Version":1}"#,
        ),
        (
            r#"{"protocol":"json","version":"1"}"#,
            "InvalidDataException: Expected 'version' to be of type Number.",
        ),
        (
            r#"{"protocol":"json","version":null}"#,
            r#"InvalidDataException: Missing required property 'version'. Message content: {"protocol":"json","version":null}"#,
        ),
        (
            r#"{"protocol":null,"version":1}"#,
            "InvalidDataException: Expected 'protocol' to be of type String.",
        ),
        (
            "[]",
            "InvalidDataException: Unexpected JSON Token Type 'Array'. Expected a JSON Object.",
        ),
        (
            "null",
            "InvalidDataException: Unexpected JSON Token Type 'Null'. Expected a JSON Object.",
        ),
        (
            r#"{"protocol":"json","version":1.0}"#,
            "FormatException: Either the JSON value is not in a supported format, or is out of bounds for an Int32.",
        ),
        (
            "hello",
            "JsonReaderException: The handshake request is not valid JSON.",
        ),
        (
            "",
            "JsonReaderException: The handshake request is not valid JSON.",
        ),
    ];
    for (text, details) in cases {
        let error = parse(text.as_bytes()).unwrap_err();
        let base = "An unexpected error occurred during connection handshake.";
        assert_eq!(error.text(false), base, "{text}");
        assert_eq!(error.text(true), format!("{base} {details}"), "{text}");
    }
}

fn select(
    protocol: &str,
    version: i64,
    supported: &[Protocol],
    format: TransferFormat,
) -> Result<Protocol, String> {
    let request = HandshakeRequest {
        protocol: protocol.to_owned(),
        version,
    };
    request
        .select(supported, format)
        .map_err(|error| error.text(false))
}

#[test]
fn the_protocol_must_be_known_enabled_and_fit_the_transport() {
    let (all, format) = (&Protocol::ALL, TransferFormat::Binary);
    assert_eq!(select("json", 1, all, format), Ok(Protocol::Json));
    assert_eq!(
        select("MessagePack", 2, all, format),
        Ok(Protocol::MessagePack)
    );
    assert_eq!(
        select("JSON", -5, all, TransferFormat::Text),
        Ok(Protocol::Json)
    );
    assert_eq!(
        select("foo", 1, all, format),
        Err("The protocol 'foo' is not supported.".to_owned())
    );
    assert_eq!(
        select("messagepack", 1, &[Protocol::Json], format),
        Err("The protocol 'messagepack' is not supported.".to_owned())
    );
    assert_eq!(
        select("JSON", 3, all, format),
        Err("The server does not support version 3 of the 'JSON' protocol.".to_owned())
    );
    assert_eq!(
        select("messagepack", 1, all, TransferFormat::Text),
        Err(
            "Cannot use the 'messagepack' protocol on the current transport. The transport does not support 'Binary' transfer format."
                .to_owned()
        )
    );
    assert_eq!(
        HandshakeError::Canceled.text(true),
        "Handshake was canceled."
    );
}

#[test]
fn the_answer_is_an_object_with_or_without_an_error() {
    assert_eq!(response(None), b"{}\x1e");
    assert_eq!(
        response(Some("no \"x\"\u{1e}")),
        b"{\"error\":\"no \\\"x\\\"\\u001E\"}\x1e"
    );
}

//! JSON that ends the connection, with the text of the reference.

use super::protocol::{Protocol::Json, parse};

/// The error as a client reads it with detailed errors.
pub(super) fn error_of(text: &[u8]) -> String {
    match parse(Json, text) {
        Err(error) => format!("{}: {error}", error.exception_type()),
        Ok(message) => panic!(
            "{} was taken for {message:?}",
            String::from_utf8_lossy(text)
        ),
    }
}

#[test]
fn every_defect_has_its_text() {
    let cases: &[(&str, &str)] = &[
        (
            "[]",
            "Unexpected JSON Token Type 'Array'. Expected a JSON Object.",
        ),
        (
            "[1,",
            "Unexpected JSON Token Type 'Array'. Expected a JSON Object.",
        ),
        (
            "6",
            "Unexpected JSON Token Type 'Number'. Expected a JSON Object.",
        ),
        (
            "-1.5e3",
            "Unexpected JSON Token Type 'Number'. Expected a JSON Object.",
        ),
        (
            r#""x""#,
            "Unexpected JSON Token Type 'String'. Expected a JSON Object.",
        ),
        (
            "null",
            "Unexpected JSON Token Type 'Null'. Expected a JSON Object.",
        ),
        (
            " true",
            "Unexpected JSON Token Type 'True'. Expected a JSON Object.",
        ),
        (
            "false ",
            "Unexpected JSON Token Type 'False'. Expected a JSON Object.",
        ),
        ("{}", "Missing required property 'type'."),
        (
            r#"{"protocol":"json","version":1}"#,
            "Missing required property 'type'.",
        ),
        (r#"{"Type":6}"#, "Missing required property 'type'."),
        (r#"{"type":"1"}"#, "Expected 'type' to be of type Number."),
        (r#"{"type":null}"#, "Expected 'type' to be of type Number."),
        (r#"{"type":[1]}"#, "Expected 'type' to be of type Number."),
        (r#"{"type":{}}"#, "Expected 'type' to be of type Number."),
        (r#"{"type":true}"#, "Expected 'type' to be of type Number."),
        (
            r#"{"type":1,"arguments":[]}"#,
            "Missing required property 'target'.",
        ),
        (
            r#"{"type":1,"target":"A"}"#,
            "Missing required property 'arguments'.",
        ),
        (r#"{"type":1}"#, "Missing required property 'target'."),
        (
            r#"{"type":1,"target":""}"#,
            "Missing required property 'target'.",
        ),
        (
            r#"{"type":1,"target":null,"arguments":[]}"#,
            "Expected 'target' to be of type String.",
        ),
        (
            r#"{"type":1,"target":5,"arguments":[]}"#,
            "Expected 'target' to be of type String.",
        ),
        (
            r#"{"type":1,"target":"A","arguments":{}}"#,
            "Expected 'arguments' to be of type Array.",
        ),
        (
            r#"{"type":1,"target":"A","arguments":null}"#,
            "Expected 'arguments' to be of type Array.",
        ),
        (
            r#"{"type":1,"target":"A","arguments":"a"}"#,
            "Expected 'arguments' to be of type Array.",
        ),
        (
            r#"{"type":6,"arguments":1}"#,
            "Expected 'arguments' to be of type Array.",
        ),
        (
            r#"{"type":1,"invocationId":5,"target":"A","arguments":[]}"#,
            "Expected 'invocationId' to be of type String.",
        ),
        (
            r#"{"type":1,"invocationId":null,"target":"A","arguments":[]}"#,
            "Expected 'invocationId' to be of type String.",
        ),
        (
            r#"{"type":1,"target":"A","arguments":[],"error":null}"#,
            "Expected 'error' to be of type String.",
        ),
        (
            r#"{"type":7,"error":1}"#,
            "Expected 'error' to be of type String.",
        ),
        (
            r#"{"type":7,"allowReconnect":null}"#,
            "Expected 'allowReconnect' to be true or false.",
        ),
        (
            r#"{"type":6,"allowReconnect":"true"}"#,
            "Expected 'allowReconnect' to be true or false.",
        ),
        (
            r#"{"type":2,"item":1}"#,
            "Missing required property 'invocationId'.",
        ),
        (
            r#"{"type":2,"invocationId":"x"}"#,
            "Missing required property 'item'.",
        ),
        (
            r#"{"type":2,"invocationId":"","item":1}"#,
            "Missing required property 'invocationId'.",
        ),
        (
            r#"{"type":3,"result":1}"#,
            "Missing required property 'invocationId'.",
        ),
        (
            r#"{"type":3,"invocationId":""}"#,
            "Missing required property 'invocationId'.",
        ),
        (
            r#"{"type":3,"invocationId":"x","error":"e","result":1}"#,
            "The 'error' and 'result' properties are mutually exclusive.",
        ),
        (
            r#"{"type":3,"invocationId":"x","error":"","result":null}"#,
            "The 'error' and 'result' properties are mutually exclusive.",
        ),
        (
            r#"{"type":4,"target":"A","arguments":[]}"#,
            "Missing required property 'invocationId'.",
        ),
        (
            r#"{"type":4,"invocationId":"","target":"A","arguments":[]}"#,
            "Missing required property 'invocationId'.",
        ),
        (
            r#"{"type":4,"invocationId":"1","target":"A"}"#,
            "Missing required property 'arguments'.",
        ),
        (
            r#"{"type":4,"invocationId":"1","arguments":[]}"#,
            "Missing required property 'target'.",
        ),
        (r#"{"type":5}"#, "Missing required property 'invocationId'."),
        (
            r#"{"type":5,"invocationId":""}"#,
            "Missing required property 'invocationId'.",
        ),
        (r#"{"type":8}"#, "Missing required property 'sequenceId'."),
        (r#"{"type":9}"#, "Missing required property 'sequenceId'."),
        (
            r#"{"type":8,"sequenceId":"5"}"#,
            "Expected 'sequenceId' to be of type Number.",
        ),
        (
            r#"{"type":8,"sequenceId":null}"#,
            "Missing required property 'sequenceId'.",
        ),
        (
            r#"{"type":1,"headers":{"a":1},"target":"A","arguments":[]}"#,
            "Expected header 'a' to be of type String.",
        ),
        (
            r#"{"type":1,"headers":{"b":"c","a\n":null}}"#,
            "Expected header 'a\n' to be of type String.",
        ),
        (
            r#"{"type":1,"headers":{"a":{"b":"c"}}}"#,
            "Expected header 'a' to be of type String.",
        ),
        (
            r#"{"type":1,"headers":[],"target":"A","arguments":[]}"#,
            "Expected 'headers' to be of type StartObject.",
        ),
        (
            r#"{"type":6,"headers":null}"#,
            "Expected 'headers' to be of type StartObject.",
        ),
        (
            r#"{"type":1,"streamIds":null}"#,
            "Expected 'streamIds' to be of type Array.",
        ),
        (
            r#"{"type":1,"streamIds":"a"}"#,
            "Expected 'streamIds' to be of type Array.",
        ),
        (
            r#"{"type":1,"streamIds":["a",null]}"#,
            "Null value for 'streamIds' is not valid.",
        ),
    ];
    for (text, error) in cases {
        assert_eq!(
            error_of(text.as_bytes()),
            format!("InvalidDataException: {error}"),
            "{text}"
        );
    }
}

#[test]
fn some_defects_are_of_other_exception_types() {
    let cases: &[(&str, &str)] = &[
        (
            r#"{"type":1,"streamIds":[1]}"#,
            "InvalidOperationException: Cannot get the value of a token type 'Number' as a string.",
        ),
        (
            r#"{"type":1,"streamIds":[[]]}"#,
            "InvalidOperationException: Cannot get the value of a token type 'StartArray' as a string.",
        ),
        (
            r#"{"type":1.5}"#,
            "FormatException: Either the JSON value is not in a supported format, or is out of bounds for an Int32.",
        ),
        (
            r#"{"type":2147483648}"#,
            "FormatException: Either the JSON value is not in a supported format, or is out of bounds for an Int32.",
        ),
        (
            r#"{"type":8,"sequenceId":9223372036854775808}"#,
            "FormatException: Either the JSON value is not in a supported format, or is out of bounds for an Int64.",
        ),
    ];
    for (text, error) in cases {
        assert_eq!(error_of(text.as_bytes()), *error, "{text}");
    }
}

//! JSON as .NET's configuration reads it: with comments, trailing commas and a byte order mark.
//!
//! What strict JSON does not know is overwritten with spaces, so that the line and column of a
//! later error still point into the file as its author sees it.

use serde_json::Value;

/// Parses relaxed JSON.
pub fn parse(text: &str) -> Result<Value, serde_json::Error> {
    serde_json::from_str(&to_strict(text))
}

/// Replaces comments, trailing commas and the byte order mark by spaces.
fn to_strict(text: &str) -> String {
    let mut bytes = text
        .strip_prefix('\u{feff}')
        .unwrap_or(text)
        .as_bytes()
        .to_vec();
    let mut comma = None;
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b'"' => {
                comma = None;
                at = after_string(&bytes, at);
                continue;
            }
            b'/' if matches!(bytes.get(at + 1), Some(b'/' | b'*')) => {
                let end = after_comment(&bytes, at);
                blank(&mut bytes[at..end]);
                at = end;
                continue;
            }
            b',' => comma = Some(at),
            b'}' | b']' => {
                if let Some(comma) = comma.take() {
                    bytes[comma] = b' ';
                }
            }
            byte if byte.is_ascii_whitespace() => {}
            _ => comma = None,
        }
        at += 1;
    }
    // Only whole comments and single ASCII commas were replaced, so this is still UTF-8.
    String::from_utf8(bytes).unwrap_or_else(|_| text.to_owned())
}

/// The index after the string that begins at `start`; the end of the text if it never closes.
fn after_string(bytes: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    bytes.len()
}

/// The index after the comment that begins at `start`.
fn after_comment(bytes: &[u8], start: usize) -> usize {
    let body = &bytes[start + 2..];
    let length = if bytes[start + 1] == b'/' {
        memchr::memchr(b'\n', body)
    } else {
        memchr::memmem::find(body, b"*/").map(|found| found + 2)
    };
    start + 2 + length.unwrap_or(body.len())
}

/// Line ends stay, so that later lines keep their numbers.
fn blank(bytes: &mut [u8]) {
    for byte in bytes.iter_mut().filter(|byte| **byte != b'\n') {
        *byte = b' ';
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_dotnet_accepts_is_accepted() {
        for (name, text) in [
            ("plain", r#"{"a": [1, 2]}"#),
            ("byte order mark", "\u{feff}{\"a\": [1, 2]}"),
            ("line comment", "{ // one, two\n\"a\": [1, 2] }"),
            ("block comment", "{ /* , } é */ \"a\": [1, /* , */ 2] }"),
            ("trailing commas", "{\"a\": [1, 2, ], }"),
            (
                "comma, then comment",
                "{\"a\": [1, 2, // three\n], /* b */ }",
            ),
            ("comment at the end", "{\"a\": [1, 2]} // done"),
        ] {
            assert_eq!(parse(text).expect(name), json!({"a": [1, 2]}), "{name}");
        }
    }

    #[test]
    fn strings_are_left_alone() {
        let text = r#"{"a": "// no \" /* comment */", "b": ",]", "c": "http://é"}"#;
        let expected = json!({"a": "// no \" /* comment */", "b": ",]", "c": "http://é"});
        assert_eq!(parse(text).expect("is JSON"), expected);
    }

    #[test]
    fn an_error_names_the_line_of_the_file() {
        let error = parse("{\n/* two\nlines */\n\"a\": nope }").expect_err("is no JSON");
        assert_eq!(error.line(), 4);
    }

    #[test]
    fn broken_text_is_an_error_and_never_a_panic() {
        for text in ["", "{", "\"\\", "/", "/*", "//", "{\"a\"", ",", "[,]x"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}

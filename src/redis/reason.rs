//! fred's errors as an operator should read them.

use fred::error::{Error, ErrorKind};

/// What went wrong, in a few words.
pub(super) fn reason(error: &Error) -> String {
    match error.kind() {
        ErrorKind::Timeout => "does not answer".to_owned(),
        _ => plain(error.details()).to_owned(),
    }
}

/// The text inside what fred makes of the system's errors by `Debug`:
/// `Os { code: 111, kind: ConnectionRefused, message: "Connection refused" }`.
fn plain(text: &str) -> &str {
    let inner = text.strip_suffix(" }").and_then(|text| {
        let (_, inner) = match text.split_once(' ')?.0 {
            "Os" => text.split_once("message: ")?,
            "Custom" => text.split_once("error: ")?,
            _ => return None,
        };
        Some(inner.trim_matches('"'))
    });
    inner.unwrap_or(text).trim_end_matches('.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_systems_errors_are_told_plainly() {
        for (text, expected) in [
            (
                r#"Os { code: 111, kind: ConnectionRefused, message: "Connection refused" }"#,
                "Connection refused",
            ),
            (
                r#"Custom { kind: Uncategorized, error: "failed to lookup address information" }"#,
                "failed to lookup address information",
            ),
            (
                "Custom { kind: InvalidData, error: InvalidCertificate(UnknownIssuer) }",
                "InvalidCertificate(UnknownIssuer)",
            ),
            ("Connection closed.", "Connection closed"),
            (
                "WRONGPASS invalid username-password pair",
                "WRONGPASS invalid username-password pair",
            ),
            ("", ""),
        ] {
            assert_eq!(plain(text), expected);
        }
    }
}

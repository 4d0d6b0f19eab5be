//! `Azure:SignalR:ConnectionString`: the access keys of the server-side sends.

use super::Secret;

/// The keys of one or several connection strings, `Endpoint=…;AccessKey=…`, separated by commas.
/// Everything but the key is for clients; the text of an error never shows it.
pub(super) fn access_keys(text: &str) -> Result<Vec<Secret>, String> {
    let strings = text.split(',').map(str::trim).filter(|it| !it.is_empty());
    strings.map(access_key).collect()
}

fn access_key(connection_string: &str) -> Result<Secret, String> {
    let parts = connection_string.split(';').map(str::trim);
    let mut named = parts.filter_map(|part| part.split_once('='));
    let key = named.find(|(name, _)| name.trim().eq_ignore_ascii_case("AccessKey"));
    match key {
        Some((_, key)) if !key.trim().is_empty() => Ok(Secret::new(key.trim())),
        _ => Err("expected Endpoint=…;AccessKey=…".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_connection_string_has_a_key() {
        let keys = access_keys(
            "Endpoint=https://a.example;AccessKey=QUJD=;Version=1.0;, endpoint=http://b;accesskey=x;",
        );
        let keys = keys.expect("are valid");
        let exposed: Vec<_> = keys.iter().map(Secret::expose).collect();
        assert_eq!(exposed, ["QUJD=", "x"]);
        for bad in ["Endpoint=https://a", "AccessKey=;", "a key, AccessKey=x"] {
            let error = access_keys(bad).expect_err("is not valid");
            assert!(!error.contains(bad), "{error}");
        }
    }
}

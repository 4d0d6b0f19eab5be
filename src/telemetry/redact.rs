//! Query strings without their secrets.

use crate::settings::MASK;

/// Parameters that let their holder in: the connection token and the bearer token.
const SECRET_PARAMETERS: [&str; 2] = ["id", "access_token"];

/// The query with the values of `id` and `access_token` masked, fit for a log.
///
/// A name that is percent-encoded is compared decoded, because the server decodes it as well.
pub fn redact_query(query: &str) -> String {
    let masked: Vec<String> = query
        .split('&')
        .map(|pair| {
            let name = pair.split_once('=').map_or(pair, |(name, _)| name);
            if is_secret(name) {
                format!("{name}={MASK}")
            } else {
                pair.to_owned()
            }
        })
        .collect();
    masked.join("&")
}

fn is_secret(name: &str) -> bool {
    let decoded = decode(name);
    SECRET_PARAMETERS
        .iter()
        .any(|secret| decoded.eq_ignore_ascii_case(secret.as_bytes()))
}

fn decode(text: &str) -> Vec<u8> {
    let hex = |byte: Option<&u8>| Some(char::from(*byte?).to_digit(16)? as u8);
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        match (bytes[at], hex(bytes.get(at + 1)), hex(bytes.get(at + 2))) {
            (b'%', Some(high), Some(low)) => {
                decoded.push(high * 16 + low);
                at += 3;
            }
            (byte, ..) => {
                decoded.push(byte);
                at += 1;
            }
        }
    }
    decoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_masked_however_they_are_written() {
        for (query, shown) in [
            ("", ""),
            ("id=abc", "id=*****"),
            ("hub=x&ID=abc&n=1", "hub=x&ID=*****&n=1"),
            ("access_token=a=b&b=c", "access_token=*****&b=c"),
            ("access%5Ftoken=abc", "access%5Ftoken=*****"),
            ("%69d=abc", "%69d=*****"),
            ("user=id&idx=1&%=2&%6", "user=id&idx=1&%=2&%6"),
        ] {
            assert_eq!(redact_query(query), shown, "{query}");
        }
    }
}

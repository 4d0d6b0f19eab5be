//! Access keys as Azure SignalR has them: whoever knows one signs a token for each request, with the
//! request's address as the audience.

use std::time::Duration;

use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use percent_encoding::percent_decode_str;
use serde::Deserialize;

use super::jwt::{MOST_BYTES, TokenError, translate};
use crate::settings::Secret;

/// The known keys.
pub struct AccessKeys {
    keys: Vec<DecodingKey>,
    clock_skew: Duration,
}

#[derive(Deserialize)]
struct Claims {
    aud: Audience,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Several(Vec<String>),
}

impl AccessKeys {
    pub fn new(keys: &[Secret], clock_skew: Duration) -> Self {
        let keys = keys.iter().map(|key| key.expose().as_bytes());
        Self {
            keys: keys.map(DecodingKey::from_secret).collect(),
            clock_skew,
        }
    }

    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Whether the token was signed with one of the keys, is valid now, and is meant for a request
    /// to `path` (as it came, percent-encoded). The audience's scheme and host are not compared: a
    /// proxy may have hidden them. Only HS256, as Azure SignalR.
    pub fn verify(&self, token: &str, path: &str) -> Result<(), TokenError> {
        if token.len() > MOST_BYTES {
            return Err(TokenError::Malformed);
        }
        let mut validation = Validation::new(Algorithm::HS256);
        validation.leeway = self.clock_skew.as_secs();
        validation.validate_nbf = true;
        validation.validate_aud = false;
        validation.set_required_spec_claims(&["exp", "aud"]);
        let mut outcome = Err(TokenError::NoKey);
        for key in &self.keys {
            outcome = decode::<Claims>(token, key, &validation).map_err(translate);
            if !matches!(outcome, Err(TokenError::Signature)) {
                break;
            }
        }
        let audiences = match outcome?.claims.aud {
            Audience::One(audience) => vec![audience],
            Audience::Several(audiences) => audiences,
        };
        let meant = |audience: &String| same_path(path_of(audience), path);
        let found = audiences.iter().any(meant);
        found.then_some(()).ok_or(TokenError::Audience)
    }
}

/// The path of an address, without its query.
fn path_of(address: &str) -> &str {
    let after_scheme = address.split_once("://").map_or(address, |(_, rest)| rest);
    let from_path = after_scheme.find('/').map_or("", |at| &after_scheme[at..]);
    from_path.split(['?', '#']).next().unwrap_or_default()
}

/// Compares segment by segment, decoded: an encoded slash is part of a name, not a separator.
fn same_path(left: &str, right: &str) -> bool {
    let segments = |path: &str| {
        let path = path.strip_suffix('/').unwrap_or(path);
        let decoded = path.split('/').map(|it| percent_decode_str(it).collect());
        decoded.collect::<Vec<Vec<u8>>>()
    };
    segments(left) == segments(right)
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use jsonwebtoken::{EncodingKey, Header, encode};
    use serde_json::{Value, json};

    use super::*;

    const PATH: &str = "/api/hubs/bothub/groups/a%20b/:send";

    fn now() -> u64 {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        since.expect("is after 1970").as_secs()
    }

    fn verify(claims: &Value, algorithm: Algorithm, key: &str) -> Result<(), TokenError> {
        let keys = ["first", "second"].map(Secret::new);
        let keys = AccessKeys::new(&keys, Duration::from_secs(30));
        let key = EncodingKey::from_secret(key.as_bytes());
        let token = encode(&Header::new(algorithm), claims, &key).expect("can be signed");
        keys.verify(&token, PATH)
    }

    fn for_audience(audience: Value) -> Result<(), TokenError> {
        let claims = json!({"aud": audience, "exp": now() + 60});
        verify(&claims, Algorithm::HS256, "second")
    }

    #[test]
    fn the_audience_is_compared_by_its_path() {
        for good in [
            json!("https://other.example/api/hubs/bothub/groups/a%20b/:send"),
            json!("http://localhost:1/api/hubs/bothub/groups/a%20b/%3Asend?api-version=2022-06-01"),
            json!("/api/hubs/bothub/groups/a b/:send/"),
            json!([
                "https://x/y",
                "https://x/api/hubs/bothub/groups/a%20b/:send"
            ]),
        ] {
            assert_eq!(for_audience(good.clone()), Ok(()), "{good}");
        }
        for bad in [
            json!("https://x"),
            json!("https://x/api/hubs/llmhub/groups/a%20b/:send"),
            json!("https://x/api/hubs/bothub/groups%2Fa%20b/:send"),
            json!("https://x/api/hubs/bothub/groups/a%20b"),
            json!([]),
        ] {
            let refused = for_audience(bad.clone());
            assert_eq!(refused, Err(TokenError::Audience), "{bad}");
        }
    }

    #[test]
    fn another_key_algorithm_or_time_is_refused() {
        let good = json!({"aud": PATH, "exp": now() + 60});
        let verified = |claims: &Value| verify(claims, Algorithm::HS256, "first");
        assert_eq!(verified(&good), Ok(()));
        let other = verify(&good, Algorithm::HS256, "third");
        assert_eq!(other, Err(TokenError::Signature));
        let other = verify(&good, Algorithm::HS512, "first");
        assert_eq!(other, Err(TokenError::Algorithm));
        let expired = json!({"aud": PATH, "exp": now() - 60});
        assert_eq!(verified(&expired), Err(TokenError::Expired));
        let early = json!({"aud": PATH, "exp": now() + 600, "nbf": now() + 300});
        assert_eq!(verified(&early), Err(TokenError::NotYet));
        assert!(verified(&json!({"aud": PATH})).is_err());
        assert!(verified(&json!({"exp": now() + 60})).is_err());
        let none = AccessKeys::new(&[], Duration::ZERO);
        assert_eq!(none.verify("a.b.c", PATH), Err(TokenError::NoKey));
    }
}

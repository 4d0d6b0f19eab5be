//! Reads a JSON Web Key Set (RFC 7517) from its address.

use std::time::Duration;

use futures_util::StreamExt;
use jsonwebtoken::{
    Algorithm, DecodingKey,
    jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, KeyOperations, PublicKeyUse},
};
use serde::Deserialize;
use serde_json::Value;

/// How long a fetch may take.
const FETCH_LIMIT: Duration = Duration::from_secs(5);
const MOST_BYTES: usize = 256 * 1024;
const MOST_KEYS: usize = 64;

/// One key, good for one algorithm.
#[derive(Clone)]
pub struct Key {
    pub id: Option<String>,
    pub algorithm: Algorithm,
    pub key: DecodingKey,
}

/// Why there are no newer keys.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    #[error("the keys cannot be fetched: {0}")]
    Unreachable(String),
    #[error("the answer's status is {0}")]
    Status(u16),
    #[error("the answer has more than {MOST_BYTES} bytes")]
    TooLarge,
    #[error("the answer is no JSON Web Key Set: {0}")]
    Malformed(#[from] serde_json::Error),
    #[error("the answer has no key for RS256 or ES256")]
    NoKey,
}

/// The client that fetches keys. A redirect is not followed: it would move the trust elsewhere.
pub fn client() -> Result<reqwest::Client, reqwest::Error> {
    // Whoever composes the program does this first; a second time changes nothing.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .timeout(FETCH_LIMIT)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .build()
}

/// Fetches the keys once.
pub async fn fetch(client: &reqwest::Client, url: &str) -> Result<Vec<Key>, FetchError> {
    let unreachable =
        |error: reqwest::Error| FetchError::Unreachable(error.without_url().to_string());
    let answer = client.get(url).send().await.map_err(unreachable)?;
    if !answer.status().is_success() {
        return Err(FetchError::Status(answer.status().as_u16()));
    }
    let (mut pieces, mut body) = (answer.bytes_stream(), Vec::new());
    while let Some(piece) = pieces.next().await {
        body.extend_from_slice(&piece.map_err(unreachable)?);
        if body.len() > MOST_BYTES {
            return Err(FetchError::TooLarge);
        }
    }
    read(&body)
}

/// The keys of a set that are for verifying RS256 or ES256. Others are passed over, as RFC 7517
/// section 5 wants it.
pub fn read(body: &[u8]) -> Result<Vec<Key>, FetchError> {
    #[derive(Deserialize)]
    struct Set {
        keys: Vec<Value>,
    }
    let set: Set = serde_json::from_slice(body)?;
    let keys = set.keys.into_iter().take(MOST_KEYS);
    let keys: Vec<Key> = keys.filter_map(read_key).collect();
    if keys.is_empty() {
        return Err(FetchError::NoKey);
    }
    Ok(keys)
}

fn read_key(key: Value) -> Option<Key> {
    let key: Jwk = serde_json::from_value(key).ok()?;
    // By the key's type alone: never what is symmetric, never what a token says.
    let (algorithm, named) = match &key.algorithm {
        AlgorithmParameters::RSA(_) => (Algorithm::RS256, KeyAlgorithm::RS256),
        AlgorithmParameters::EllipticCurve(curve) if curve.curve == EllipticCurve::P256 => {
            (Algorithm::ES256, KeyAlgorithm::ES256)
        }
        _ => return None,
    };
    let common = &key.common;
    let is_for_signatures = match (&common.public_key_use, &common.key_operations) {
        (Some(usage), _) => *usage == PublicKeyUse::Signature,
        (None, Some(operations)) => operations.contains(&KeyOperations::Verify),
        (None, None) => true,
    };
    let is_for_algorithm = common.key_algorithm.is_none_or(|it| it == named);
    (is_for_signatures && is_for_algorithm).then_some(())?;
    Some(Key {
        id: common.key_id.clone(),
        algorithm,
        key: DecodingKey::from_jwk(&key).ok()?,
    })
}

#[cfg(test)]
mod tests {
    use jsonwebtoken::EncodingKey;
    use serde_json::json;

    use super::*;

    const RSA: &[u8] = include_bytes!("tests/rsa.pem");
    const EC: &[u8] = include_bytes!("tests/ec.pem");

    fn jwk(algorithm: Algorithm, changes: Value) -> Value {
        let key = match algorithm {
            Algorithm::RS256 => EncodingKey::from_rsa_pem(RSA),
            _ => EncodingKey::from_ec_pem(EC),
        };
        let jwk = Jwk::from_encoding_key(&key.expect("is a key"), algorithm);
        let mut value = serde_json::to_value(jwk.expect("has a public part")).expect("is JSON");
        let object = value.as_object_mut().expect("is an object");
        for (name, value) in changes.as_object().expect("is an object") {
            object.insert(name.clone(), value.clone());
        }
        value
    }

    fn algorithms(keys: &[Value]) -> Vec<Algorithm> {
        let body = json!({"keys": keys}).to_string();
        match read(body.as_bytes()) {
            Ok(keys) => keys.into_iter().map(|key| key.algorithm).collect(),
            Err(FetchError::NoKey) => Vec::new(),
            Err(error) => panic!("{error}"),
        }
    }

    #[test]
    fn keys_are_for_the_algorithm_of_their_type_and_others_are_passed_over() {
        use Algorithm::{ES256, RS256};
        let good = [
            jwk(RS256, json!({"kid": "a", "use": "sig"})),
            json!({"kty": "new", "crv": "X"}),
            jwk(ES256, json!({"kid": "b", "key_ops": ["verify"]})),
        ];
        assert_eq!(algorithms(&good), [RS256, ES256]);
        for useless in [
            json!({"kty": "oct", "k": "c2VjcmV0", "alg": "HS256"}),
            json!({"kty": "oct", "k": "c2VjcmV0", "alg": "RS256"}),
            jwk(RS256, json!({"use": "enc"})),
            jwk(RS256, json!({"alg": "RS512"})),
            jwk(RS256, json!({"alg": "HS256"})),
            jwk(RS256, json!({"key_ops": ["encrypt"]})),
            jwk(ES256, json!({"crv": "P-384"})),
            jwk(RS256, json!({"n": "!"})),
            json!("text"),
            json!({}),
        ] {
            assert_eq!(algorithms(std::slice::from_ref(&useless)), [], "{useless}");
        }
    }

    #[test]
    fn what_is_no_key_set_is_an_error() {
        for body in ["", "null", "[]", "{}", r#"{"keys":{}}"#, "<html>"] {
            assert!(read(body.as_bytes()).is_err(), "{body}");
        }
    }
}

//! Whom tokens let in, and whom they do not. One file for each part of a token.

mod claims;
mod credentials;
mod signatures;

use std::time::{Duration, SystemTime};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use futures_util::FutureExt;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};

use super::*;
use crate::settings::{JwtSettings, Secret};

const SECRET: &str = "a secret of at least thirty-two bytes";
// Made for these tests and used nowhere else.
const RSA: &str = include_str!("rsa.pem");
const RSA_PUBLIC: &str = include_str!("rsa.pub.pem");
const EC: &str = include_str!("ec.pem");
const EC_PUBLIC: &str = include_str!("ec.pub.pem");

fn jwt() -> JwtSettings {
    JwtSettings {
        secret: None,
        public_key_pem: None,
        jwks_url: None,
        issuer: None,
        audience: None,
        clock_skew: Duration::from_secs(30),
    }
}

fn with_secret() -> JwtSettings {
    JwtSettings {
        secret: Some(Secret::new(SECRET)),
        ..jwt()
    }
}

fn with_key(pem: &str) -> JwtSettings {
    JwtSettings {
        public_key_pem: Some(pem.to_owned()),
        ..jwt()
    }
}

fn verify(settings: &JwtSettings, token: &str) -> Result<User, TokenError> {
    let verifier = TokenVerifier::new(settings).expect("the keys are valid");
    now_or_never(verifier.verify(token))
}

/// Nothing has to be waited for where no key is fetched.
fn now_or_never<T>(future: impl Future<Output = T>) -> T {
    future.now_or_never().expect("nothing is fetched")
}

fn now() -> u64 {
    SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .expect("is after 1970")
        .as_secs()
}

fn claims() -> Value {
    json!({"sub": "alice", "exp": now() + 60, "roles": ["viewer"]})
}

fn sign(algorithm: Algorithm, claims: &Value, key: &EncodingKey) -> String {
    encode(&Header::new(algorithm), claims, key).expect("can be signed")
}

fn sign_hmac(claims: &Value) -> String {
    sign(
        Algorithm::HS256,
        claims,
        &EncodingKey::from_secret(SECRET.as_bytes()),
    )
}

/// A claim in place of the good one; `null` takes it away.
fn sign_changed(name: &str, value: Value) -> String {
    let mut claims = claims();
    let object = claims.as_object_mut().expect("is an object");
    match value {
        Value::Null => object.remove(name),
        value => object.insert(name.to_owned(), value),
    };
    sign_hmac(&claims)
}

#[test]
fn good_tokens_of_every_algorithm_are_accepted() {
    let hmac = EncodingKey::from_secret(SECRET.as_bytes());
    let rsa = EncodingKey::from_rsa_pem(RSA.as_bytes()).expect("is a key");
    let elliptic = EncodingKey::from_ec_pem(EC.as_bytes()).expect("is a key");
    for (algorithm, key, settings) in [
        (Algorithm::HS256, &hmac, with_secret()),
        (Algorithm::HS384, &hmac, with_secret()),
        (Algorithm::HS512, &hmac, with_secret()),
        (Algorithm::RS256, &rsa, with_key(RSA_PUBLIC)),
        (Algorithm::ES256, &elliptic, with_key(EC_PUBLIC)),
    ] {
        let user = verify(&settings, &sign(algorithm, &claims(), key));
        let user = user.unwrap_or_else(|error| panic!("{algorithm:?}: {error}"));
        assert_eq!(
            (user.id.as_str(), user.roles),
            ("alice", vec!["viewer".to_owned()])
        );
        assert!(user.expires_at > Some(SystemTime::now()));
    }
}

#[test]
fn the_tokens_we_make_are_accepted_with_their_issuer_and_audience() {
    let settings = JwtSettings {
        issuer: Some("us".to_owned()),
        audience: Some("api".to_owned()),
        ..with_secret()
    };
    let request = TokenRequest {
        subject: "bob".to_owned(),
        roles: vec!["operator".to_owned()],
        lifetime: Duration::from_secs(60),
        algorithm: Algorithm::HS512,
    };
    let user = verify(
        &settings,
        &make_token(&settings, &request).expect("has a secret"),
    );
    assert_eq!(user.expect("is valid").roles, ["operator", "viewer"]);
    assert!(make_token(&jwt(), &request).is_err());
}

#[test]
fn roles_may_be_a_list_one_text_or_absent() {
    let roles = |value| {
        verify(&with_secret(), &sign_changed("roles", value))
            .expect("is valid")
            .roles
    };
    assert_eq!(roles(json!(["worker"])), ["worker"]);
    assert_eq!(roles(json!("worker viewer")), ["viewer", "worker"]);
    assert!(roles(Value::Null).is_empty());
}

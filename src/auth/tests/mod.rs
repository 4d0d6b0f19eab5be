//! Authentication from the attacker's side: every test but the first ones is a try to get in.

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

#[test]
fn an_unsigned_token_is_refused_however_none_is_spelt() {
    let payload = URL_SAFE_NO_PAD.encode(claims().to_string());
    for algorithm in ["none", "None", "NONE", "nOnE", ""] {
        let header = URL_SAFE_NO_PAD.encode(json!({"alg": algorithm, "typ": "JWT"}).to_string());
        for token in [
            format!("{header}.{payload}."),
            format!("{header}.{payload}.AAAA"),
        ] {
            assert!(verify(&with_secret(), &token).is_err(), "{algorithm}");
        }
    }
}

#[test]
fn a_public_key_is_no_hmac_secret() {
    for pem in [RSA_PUBLIC, EC_PUBLIC] {
        for secret in [pem, pem.trim()] {
            let key = EncodingKey::from_secret(secret.as_bytes());
            let token = sign(Algorithm::HS256, &claims(), &key);
            assert_eq!(verify(&with_key(pem), &token), Err(TokenError::Algorithm));
            let both = JwtSettings {
                secret: Some(Secret::new(SECRET)),
                ..with_key(pem)
            };
            assert_eq!(verify(&both, &token), Err(TokenError::Signature));
        }
    }
}

#[test]
fn an_algorithm_without_a_key_of_its_kind_is_refused() {
    let rsa = EncodingKey::from_rsa_pem(RSA.as_bytes()).expect("is a key");
    let elliptic = EncodingKey::from_ec_pem(EC.as_bytes()).expect("is a key");
    for (token, settings) in [
        (sign(Algorithm::RS256, &claims(), &rsa), with_secret()),
        (sign(Algorithm::RS256, &claims(), &rsa), with_key(EC_PUBLIC)),
        (
            sign(Algorithm::ES256, &claims(), &elliptic),
            with_key(RSA_PUBLIC),
        ),
        (
            sign(Algorithm::RS384, &claims(), &rsa),
            with_key(RSA_PUBLIC),
        ),
        (
            sign(Algorithm::PS256, &claims(), &rsa),
            with_key(RSA_PUBLIC),
        ),
    ] {
        assert_eq!(verify(&settings, &token), Err(TokenError::Algorithm));
    }
}

#[test]
fn a_changed_token_is_refused() {
    let token = sign_hmac(&claims());
    let (head, signature) = token.rsplit_once('.').expect("has three parts");
    let (header, _) = head.split_once('.').expect("has three parts");
    let admin = URL_SAFE_NO_PAD
        .encode(json!({"sub": "alice", "exp": now() + 60, "roles": ["admin"]}).to_string());
    for changed in [
        format!("{header}.{admin}.{signature}"),
        format!("{head}."),
        format!("{head}.{}", &signature[1..]),
        format!("{token}x"),
        format!("{token}.x"),
        head.to_owned(),
        String::new(),
        "..".to_owned(),
        "a".repeat(100_000),
        "\u{0}.é.ü".to_owned(),
    ] {
        assert!(verify(&with_secret(), &changed).is_err(), "{changed}");
    }
    let other = sign(
        Algorithm::HS256,
        &claims(),
        &EncodingKey::from_secret(b"another secret"),
    );
    assert_eq!(verify(&with_secret(), &other), Err(TokenError::Signature));
}

#[test]
fn times_are_checked_with_the_skew_only() {
    let verify = |name, value: Value| verify(&with_secret(), &sign_changed(name, value));
    assert_eq!(verify("exp", json!(now() - 40)), Err(TokenError::Expired));
    let late = verify("exp", json!(now() - 10)).expect("is within the skew");
    assert!(
        late.expires_at < Some(SystemTime::now()),
        "the skew does not extend the token"
    );
    assert_eq!(verify("nbf", json!(now() + 60)), Err(TokenError::NotYet));
    assert!(verify("nbf", json!(now() + 10)).is_ok());
    assert!(verify("exp", Value::Null).is_err());
    for strange in [
        json!("tomorrow"),
        json!(-1),
        json!([1]),
        json!({}),
        json!(true),
    ] {
        assert!(verify("exp", strange.clone()).is_err(), "{strange}");
    }
    assert!(
        verify("exp", json!(253_402_300_799_u64)).is_ok(),
        "the year 9999"
    );
    assert!(verify("exp", json!(1e300)).is_err(), "no time at all");
}

#[test]
fn issuer_and_audience_are_checked_once_they_are_set_and_then_must_be_there() {
    let issuer = JwtSettings {
        issuer: Some("us".to_owned()),
        ..with_secret()
    };
    let audience = JwtSettings {
        audience: Some("api".to_owned()),
        ..with_secret()
    };
    let token = |name, value| sign_changed(name, value);
    assert!(verify(&issuer, &token("iss", json!("us"))).is_ok());
    assert_eq!(
        verify(&issuer, &token("iss", json!("them"))),
        Err(TokenError::Issuer)
    );
    assert_eq!(
        verify(&issuer, &token("iss", Value::Null)),
        Err(TokenError::Lacks("iss".into()))
    );
    assert!(verify(&audience, &token("aud", json!("api"))).is_ok());
    assert!(verify(&audience, &token("aud", json!(["other", "api"]))).is_ok());
    assert_eq!(
        verify(&audience, &token("aud", json!("other"))),
        Err(TokenError::Audience)
    );
    assert_eq!(
        verify(&audience, &token("aud", Value::Null)),
        Err(TokenError::Lacks("aud".into()))
    );
    assert!(verify(&with_secret(), &token("aud", json!("anyone"))).is_ok());
}

#[test]
fn the_subject_must_be_a_proper_id() {
    for subject in [
        json!(""),
        json!("a\nb"),
        json!("x".repeat(129)),
        json!(7),
        Value::Null,
    ] {
        assert!(
            verify(&with_secret(), &sign_changed("sub", subject.clone())).is_err(),
            "{subject}"
        );
    }
}

#[test]
fn a_critical_extension_we_do_not_know_is_refused() {
    let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256","crit":["b64"],"b64":false}"#);
    let payload = URL_SAFE_NO_PAD.encode(claims().to_string());
    let message = format!("{header}.{payload}");
    let key = EncodingKey::from_secret(SECRET.as_bytes());
    let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &key, Algorithm::HS256);
    let token = format!("{message}.{}", signature.expect("can be signed"));
    assert_eq!(verify(&with_secret(), &token), Err(TokenError::Malformed));
}

#[test]
fn without_a_key_nobody_gets_in() {
    let settings = AuthenticationSettings {
        mode: AuthenticationMode::Jwt,
        jwt: jwt(),
        api_keys: vec![],
    };
    let authentication = Authentication::new(&settings).expect("no key is valid");
    assert!(authentication.lacks_key());
    let token = sign(Algorithm::HS256, &claims(), &EncodingKey::from_secret(b""));
    let credentials = Credentials {
        access_token: Some(&token),
        ..Credentials::default()
    };
    let refused = now_or_never(authentication.user(credentials));
    assert_eq!(refused, Err(TokenError::NoKey));
    let refused = now_or_never(authentication.user(Credentials::default()));
    assert_eq!(refused, Err(TokenError::Missing));
}

#[test]
fn a_broken_public_key_is_told_at_start() {
    for pem in [
        "",
        "nonsense",
        "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----",
    ] {
        let error = TokenVerifier::new(&with_key(pem)).err().expect("is no key");
        assert!(error.contains("PublicKeyPem"), "{error}");
    }
}

fn authentication(mode: AuthenticationMode) -> Authentication {
    let settings = AuthenticationSettings {
        mode,
        jwt: with_secret(),
        api_keys: vec![],
    };
    Authentication::new(&settings).expect("the keys are valid")
}

#[test]
fn with_tokens_the_query_cannot_name_a_user() {
    let credentials = Credentials {
        user: Some("admin"),
        ..Credentials::default()
    };
    let refused = now_or_never(authentication(AuthenticationMode::Jwt).user(credentials));
    assert_eq!(refused, Err(TokenError::Missing));
}

#[test]
fn the_header_comes_before_the_query_and_must_be_a_bearer() {
    let good = sign_hmac(&claims());
    let user = |authorization: Option<&str>, access_token: Option<&str>| {
        let credentials = Credentials {
            authorization,
            access_token,
            user: None,
        };
        now_or_never(authentication(AuthenticationMode::Jwt).user(credentials))
    };
    let bearer = |token: &str| format!("bearer {token}");
    assert!(user(Some(&bearer(&good)), None).is_ok());
    assert!(user(None, Some(&good)).is_ok());
    assert!(user(Some(&bearer("bad")), Some(&good)).is_err());
    assert_eq!(
        user(Some(&format!("Basic {good}")), None),
        Err(TokenError::Missing)
    );
    assert_eq!(user(Some(&good), None), Err(TokenError::Missing));
    assert_eq!(user(None, Some("")), Err(TokenError::Missing));
}

#[test]
fn without_authentication_everyone_is_who_they_say_with_all_roles() {
    let authentication = authentication(AuthenticationMode::None);
    let named = Credentials {
        user: Some("carol"),
        ..Credentials::default()
    };
    let user = now_or_never(authentication.user(named)).expect("everyone is let in");
    assert_eq!(user.id, "carol");
    assert!(user.has_role("admin") && user.has_role("worker"));
    let anonymous = now_or_never(authentication.user(Credentials::default()));
    let anonymous = anonymous.expect("everyone is let in");
    assert_eq!(anonymous.id, "anonymous");
    let strange = Credentials {
        user: Some("a\u{7}"),
        ..Credentials::default()
    };
    let refused = now_or_never(authentication.user(strange));
    assert_eq!(refused, Err(TokenError::Subject));
}

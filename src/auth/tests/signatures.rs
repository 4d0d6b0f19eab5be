//! Tries to get in with a token that nobody with the key has signed.

use super::*;

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

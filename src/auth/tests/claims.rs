//! What a well-signed token must say, too.

use super::*;

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

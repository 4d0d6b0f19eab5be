//! Where a request carries its token, and what holds without one.

use super::*;

fn authentication(mode: AuthenticationMode) -> Authentication {
    let settings = AuthenticationSettings {
        mode,
        jwt: with_secret(),
        api_keys: vec![],
    };
    Authentication::new(&settings).expect("the keys are valid")
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

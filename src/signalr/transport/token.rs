//! Connection tokens: random, signed, self-contained.
//!
//! A token says when and by whom it was issued and what was negotiated. The public connection id
//! follows from it by a one-way function, so no server state is needed until the first request that
//! uses it, and the id is no token. Layout before base64url: version (1), random (9), milliseconds
//! since 1970 (6), issuer (4), flags (1), user check (8), signature (16): 60 characters.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::signalr::connection::ConnectionId;

const VERSION: u8 = 1;
const SIGNED: usize = 29;
const SIGNATURE: usize = 16;
/// Bytes of a token.
pub(super) const TOKEN_BYTES: usize = SIGNED + SIGNATURE;
const STATEFUL: u8 = 1;
/// How far the clocks of two instances may be apart.
pub(super) const CLOCK_DIFFERENCE: Duration = Duration::from_secs(10);

/// The key tokens are signed with. It cannot be printed.
#[derive(Clone)]
pub struct TokenKey {
    key: [u8; 32],
    issuer: [u8; 4],
}

impl std::fmt::Debug for TokenKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TokenKey(***)")
    }
}

/// What a valid token says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// The public id it yields.
    pub connection_id: ConnectionId,
    /// When it was issued.
    pub issued: SystemTime,
    /// Whether stateful reconnect was negotiated.
    pub stateful: bool,
    /// Whether this very instance issued it.
    pub own: bool,
    user: [u8; 8],
}

impl TokenKey {
    /// A key from a secret that the fleet shares.
    pub fn from_secret(secret: &[u8]) -> Self {
        let mut issuer = [0; 4];
        rand::fill(&mut issuer);
        Self {
            key: mac(&[0; 32], &[b"connection tokens", secret]),
            issuer,
        }
    }

    /// A key of this process alone.
    pub fn random() -> Self {
        let mut secret = [0; 32];
        rand::fill(&mut secret);
        Self::from_secret(&secret)
    }

    /// A key that another instance made; `issuer` tells whose tokens are this instance's own.
    pub(super) fn from_derived(key: [u8; 32], issuer: [u8; 4]) -> Self {
        Self { key, issuer }
    }

    /// What another instance needs to read and issue the same tokens.
    pub(super) fn secret(&self) -> [u8; 32] {
        self.key
    }

    pub(super) fn issuer(&self) -> [u8; 4] {
        self.issuer
    }

    /// Issues a token for a hub; `user` is who negotiated.
    pub fn issue(
        &self,
        hub: &str,
        stateful: bool,
        user: Option<&str>,
        now: SystemTime,
    ) -> (String, ConnectionId) {
        let mut bytes = [0; TOKEN_BYTES];
        bytes[0] = VERSION;
        rand::fill(&mut bytes[1..10]);
        let millis = now
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default()
            .as_millis() as u64;
        bytes[10..16].copy_from_slice(&millis.to_be_bytes()[2..]);
        bytes[16..20].copy_from_slice(&self.issuer);
        bytes[20] = if stateful { STATEFUL } else { 0 };
        bytes[21..29].copy_from_slice(&self.user_check(user));
        let signature = self.sign(hub, &bytes[..SIGNED]);
        bytes[SIGNED..].copy_from_slice(&signature[..SIGNATURE]);
        (URL_SAFE_NO_PAD.encode(bytes), self.connection_id(&bytes))
    }

    /// Reads a token of this fleet and hub; anything else is None.
    pub fn verify(&self, hub: &str, token: &str) -> Option<Token> {
        let bytes: [u8; TOKEN_BYTES] = URL_SAFE_NO_PAD.decode(token).ok()?.try_into().ok()?;
        if bytes[0] != VERSION {
            return None;
        }
        let mut check = keyed(&self.key);
        check.update(b"sign");
        check.update(hub.as_bytes());
        check.update(&[0]);
        check.update(&bytes[..SIGNED]);
        check.verify_truncated_left(&bytes[SIGNED..]).ok()?;
        let mut millis = [0; 8];
        millis[2..].copy_from_slice(&bytes[10..16]);
        let mut user = [0; 8];
        user.copy_from_slice(&bytes[21..29]);
        Some(Token {
            connection_id: self.connection_id(&bytes),
            issued: UNIX_EPOCH + Duration::from_millis(u64::from_be_bytes(millis)),
            stateful: bytes[20] & STATEFUL != 0,
            own: bytes[16..20] == self.issuer,
            user,
        })
    }

    /// Whether `user` is who negotiated the token. One negotiated by nobody is anybody's.
    pub fn belongs_to(&self, token: &Token, user: Option<&str>) -> bool {
        token.user == [0; 8] || token.user == self.user_check(user)
    }

    fn sign(&self, hub: &str, signed: &[u8]) -> [u8; 32] {
        mac(&self.key, &[b"sign", hub.as_bytes(), &[0], signed])
    }

    fn connection_id(&self, token: &[u8]) -> ConnectionId {
        let digest = mac(&self.key, &[b"id", token]);
        ConnectionId::from(URL_SAFE_NO_PAD.encode(&digest[..16]))
    }

    fn user_check(&self, user: Option<&str>) -> [u8; 8] {
        let mut check = [0; 8];
        if let Some(user) = user {
            check.copy_from_slice(&mac(&self.key, &[b"user", user.as_bytes()])[..8]);
        }
        check
    }
}

impl Token {
    /// Whether the token may still claim a connection: within `limit` of its issue.
    pub fn may_claim(&self, limit: Duration, now: SystemTime) -> bool {
        let slack = if self.own {
            Duration::ZERO
        } else {
            CLOCK_DIFFERENCE
        };
        match now.duration_since(self.issued) {
            Ok(age) => age <= limit + slack,
            Err(ahead) => ahead.duration() <= CLOCK_DIFFERENCE,
        }
    }
}

/// A random id for connections without a token: 22 characters.
pub fn random_id() -> String {
    let mut bytes = [0; 16];
    rand::fill(&mut bytes);
    URL_SAFE_NO_PAD.encode(bytes)
}

fn keyed(key: &[u8; 32]) -> Hmac<Sha256> {
    Hmac::<Sha256>::new_from_slice(key)
        .unwrap_or_else(|_| unreachable!("a key of any length will do"))
}

fn mac(key: &[u8; 32], parts: &[&[u8]]) -> [u8; 32] {
    let mut mac = keyed(key);
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(15);

    #[test]
    fn a_token_tells_what_was_negotiated_and_yields_its_id() {
        let key = TokenKey::random();
        let now = SystemTime::now();
        let (text, id) = key.issue("/hub", true, Some("ann"), now);
        let token = key.verify("/hub", &text).expect("our own token");
        assert_eq!((text.len(), id.as_str().len()), (60, 22));
        assert_eq!(token.connection_id, id);
        assert!(token.stateful && token.own);
        assert!(key.belongs_to(&token, Some("ann")));
        assert!(!key.belongs_to(&token, Some("bob")) && !key.belongs_to(&token, None));
    }

    #[test]
    fn another_hub_another_key_and_any_changed_byte_are_refused() {
        let key = TokenKey::random();
        let (text, id) = key.issue("/hub", false, None, SystemTime::now());
        assert!(key.verify("/other", &text).is_none());
        assert!(TokenKey::random().verify("/hub", &text).is_none());
        assert!(key.verify("/hub", id.as_str()).is_none());
        for at in 0..text.len() {
            let mut forged = text.clone().into_bytes();
            forged[at] = if forged[at] == b'A' { b'B' } else { b'A' };
            let forged = String::from_utf8(forged).expect("still text");
            assert!(key.verify("/hub", &forged).is_none(), "byte {at}");
        }
    }

    #[test]
    fn a_token_claims_for_a_while_and_others_allow_for_their_clocks() {
        let key = TokenKey::from_secret(b"shared");
        // Whole milliseconds, as tokens have them.
        let now = UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        let (text, _) = key.issue("/hub", false, None, now);
        let own = key.verify("/hub", &text).expect("our own token");
        assert!(own.may_claim(LIMIT, now + LIMIT));
        assert!(!own.may_claim(LIMIT, now + LIMIT + Duration::from_millis(10)));
        let other = TokenKey::from_secret(b"shared")
            .verify("/hub", &text)
            .expect("the fleet's token");
        assert!(other.may_claim(LIMIT, now + LIMIT + Duration::from_secs(9)));
        assert!(!other.may_claim(LIMIT, now + LIMIT + Duration::from_secs(11)));
    }
}

//! The keys of this instance: one signs, former ones are still understood.
//!
//! An instance starts with a key of its own, unless one is configured. Once it meets the fleet it
//! takes the fleet's key over; what it had issued until then stays valid, for as long as tokens do.

use std::{
    sync::{Arc, PoisonError, RwLock},
    time::SystemTime,
};

use super::token::{Token, TokenKey};
use crate::signalr::connection::ConnectionId;

/// Former keys that are remembered. More are never needed: a key is replaced when Redis was emptied.
const FORMER: usize = 4;

/// Issues and reads tokens. Clones share the keys.
#[derive(Clone, Debug)]
pub struct TokenKeys(Arc<RwLock<Keys>>);

#[derive(Debug)]
struct Keys {
    /// The first signs.
    keys: Vec<TokenKey>,
    configured: bool,
}

impl TokenKeys {
    /// The key that the operator chose. It is never replaced.
    pub fn configured(key: TokenKey) -> Self {
        Self::new(key, true)
    }

    /// A key of this process, until the fleet's is known.
    pub fn random() -> Self {
        Self::new(TokenKey::random(), false)
    }

    fn new(key: TokenKey, configured: bool) -> Self {
        let keys = vec![key];
        Self(Arc::new(RwLock::new(Keys { keys, configured })))
    }

    /// The secret that this instance offers the fleet; none if its key is configured.
    pub fn offer(&self) -> Option<[u8; 32]> {
        let keys = self.0.read().unwrap_or_else(PoisonError::into_inner);
        (!keys.configured).then(|| keys.keys[0].secret())
    }

    /// The fleet's secret. True: it replaced another one.
    pub fn adopt(&self, secret: &[u8; 32]) -> bool {
        let mut keys = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if keys.configured || keys.keys[0].secret() == *secret {
            return false;
        }
        let key = TokenKey::from_derived(*secret, keys.keys[0].issuer());
        keys.keys.insert(0, key);
        keys.keys.truncate(1 + FORMER);
        true
    }

    /// Issues a token for a hub; `user` is who negotiated.
    pub fn issue(
        &self,
        hub: &str,
        stateful: bool,
        user: Option<&str>,
        now: SystemTime,
    ) -> (String, ConnectionId) {
        let keys = self.0.read().unwrap_or_else(PoisonError::into_inner);
        keys.keys[0].issue(hub, stateful, user, now)
    }

    /// Reads a token of this hub, and whether it is `user`'s.
    pub fn verify(&self, hub: &str, token: &str, user: Option<&str>) -> Option<(Token, bool)> {
        let keys = self.0.read().unwrap_or_else(PoisonError::into_inner);
        keys.keys.iter().find_map(|key| {
            let token = key.verify(hub, token)?;
            let belongs = key.belongs_to(&token, user);
            Some((token, belongs))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replaced_key_is_still_understood_and_a_configured_one_is_not_replaced() {
        let (ours, theirs) = (TokenKeys::random(), TokenKeys::random());
        let now = SystemTime::now();
        let (early, id) = ours.issue("/hub", false, Some("ann"), now);
        let secret = theirs.offer().expect("not configured");
        assert!(ours.adopt(&secret) && !ours.adopt(&secret));
        let (token, belongs) = ours.verify("/hub", &early, Some("ann")).expect("ours");
        assert!(belongs && token.own && token.connection_id == id);
        let (late, _) = ours.issue("/hub", false, None, now);
        assert!(theirs.verify("/hub", &late, None).is_some());
        let configured = TokenKeys::configured(TokenKey::from_secret(b"chosen"));
        assert!(configured.offer().is_none() && !configured.adopt(&secret));
    }
}

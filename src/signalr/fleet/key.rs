//! The key a connection is found by.

use std::fmt;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// 16 bytes of a digest of the `id` that a client's requests bring: a token of version 1, or an id
/// of version 0. Tables, Redis and messages between instances hold the key and never the token.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ConnectionKey([u8; 16]);

impl ConnectionKey {
    /// The key of a token or of an id that is its own token.
    pub fn of(token: &str) -> Self {
        let digest: [u8; 32] = Sha256::digest(token.as_bytes()).into();
        let mut key = [0; 16];
        key.copy_from_slice(&digest[..16]);
        Self(key)
    }

    /// As Redis keys and set members have it: 22 characters.
    pub fn to_text(self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }

    /// Reads [`to_text`](Self::to_text) back.
    pub fn from_text(text: &[u8]) -> Option<Self> {
        Some(Self(URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()?))
    }
}

impl fmt::Debug for ConnectionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_text())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_of_a_key_reads_back_and_nothing_else_does() {
        let key = ConnectionKey::of("a token");
        assert_eq!(key.to_text().len(), 22);
        assert_eq!(
            ConnectionKey::from_text(key.to_text().as_bytes()),
            Some(key)
        );
        assert_ne!(ConnectionKey::of("another token"), key);
        for text in ["", "short", "with a blank in the te"] {
            assert_eq!(ConnectionKey::from_text(text.as_bytes()), None, "{text}");
        }
    }
}

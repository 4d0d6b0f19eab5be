//! API keys for HTTP producers: the server knows only their hashes.

use sha2::{Digest, Sha256};

use super::roles;
use crate::{settings::ApiKeySettings, signalr::connection::User};

/// The known keys.
pub struct ApiKeys(Vec<ApiKeySettings>);

impl ApiKeys {
    pub fn new(keys: &[ApiKeySettings]) -> Self {
        Self(keys.to_vec())
    }

    /// Whose key it is. The key's name is the user.
    pub fn verify(&self, key: &str) -> Option<User> {
        let hash = hash(key);
        let found = self.0.iter().find(|known| same(&known.hash, &hash))?;
        Some(User {
            id: found.name.clone(),
            roles: roles::expand(found.roles.iter().cloned()),
            expires_at: None,
        })
    }
}

/// SHA-256 of a key. The keys are random, so no slow hash is needed.
pub fn hash(key: &str) -> [u8; 32] {
    Sha256::digest(key.as_bytes()).into()
}

/// Compares in a time that does not depend on where the first difference is.
fn same(left: &[u8; 32], right: &[u8; 32]) -> bool {
    let difference = left.iter().zip(right).fold(0, |all, (a, b)| all | (a ^ b));
    std::hint::black_box(difference) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_known_by_its_hash() {
        let keys = ApiKeys::new(&[ApiKeySettings {
            name: "producer".to_owned(),
            hash: hash("k1"),
            roles: vec!["worker".to_owned()],
        }]);
        let user = keys.verify("k1").expect("is known");
        assert_eq!(
            (user.id.as_str(), user.roles),
            ("producer", vec!["worker".to_owned()])
        );
        for wrong in ["", "k2", "K1", "k1 "] {
            assert!(keys.verify(wrong).is_none(), "{wrong}");
        }
    }
}

//! Lua scripts that Redis keeps by their hash.

use std::sync::OnceLock;

use bytes::Bytes;

/// A script, and its hash once Redis has told it. Declare it as a `static`.
pub struct Script {
    source: &'static str,
    hash: OnceLock<Bytes>,
}

impl Script {
    pub const fn new(source: &'static str) -> Self {
        Self {
            source,
            hash: OnceLock::new(),
        }
    }

    pub(super) fn source(&self) -> Bytes {
        Bytes::from_static(self.source.as_bytes())
    }

    pub(super) fn hash(&self) -> Option<Bytes> {
        self.hash.get().cloned()
    }

    /// Keeps what `SCRIPT LOAD` answered; it is the same everywhere.
    pub(super) fn set_hash(&self, hash: Bytes) {
        let _ = self.hash.set(Bytes::copy_from_slice(&hash));
    }

    /// The arguments of `EVALSHA` or `EVAL`.
    pub(super) fn arguments(script: Bytes, keys: &[String], rest: &[Bytes]) -> Vec<Bytes> {
        let mut arguments = Vec::with_capacity(2 + keys.len() + rest.len());
        arguments.push(script);
        arguments.push(Bytes::from(keys.len().to_string()));
        arguments.extend(
            keys.iter()
                .map(|key| Bytes::copy_from_slice(key.as_bytes())),
        );
        arguments.extend(rest.iter().cloned());
        arguments
    }
}

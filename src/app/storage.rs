//! Where conversations are kept: in the fleet's Redis, or in this instance's embedded database.

use std::io;

use super::redis::Redis;
use crate::{
    eventlog::{Database, OpenError},
    settings::Settings,
};

/// What keeps this instance's state.
pub(super) enum Storage {
    /// Shared by the fleet.
    Redis(Redis),
    /// This instance's own file, or its memory.
    Embedded(Database),
}

impl Storage {
    pub fn open(settings: &Settings, redis: Option<&Redis>) -> io::Result<Self> {
        match redis {
            Some(redis) => Ok(Self::Redis(redis.clone())),
            None => open(settings).map(Self::Embedded),
        }
    }
}

/// Opens the file of `Storage:Path`, or memory only where that is empty.
///
/// A damaged file stops the start, so that nobody's conversations are written over. A file that
/// cannot be had at all does not: clients are served, from memory.
fn open(settings: &Settings) -> io::Result<Database> {
    let Some(path) = &settings.storage_path else {
        tracing::info!("Conversations are kept in memory: Storage:Path is empty");
        return Ok(Database::in_memory());
    };
    match Database::open(path) {
        Ok(database) => {
            tracing::info!(path = %path.display(), "Conversations are kept in the embedded database");
            Ok(database)
        }
        Err(error @ OpenError::Damaged { .. }) => Err(io::Error::other(error)),
        Err(error) => {
            tracing::warn!("⚠️ {error}; conversations are kept in memory and end with the process");
            Ok(Database::in_memory())
        }
    }
}

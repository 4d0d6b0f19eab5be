//! The embedded database of an instance that has no Redis: one file, or memory only.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use redb::backends::InMemoryBackend;
use redb::{DatabaseError, StorageError};

/// How much of the file is kept in memory.
const CACHE_BYTES: usize = 64 * 1024 * 1024;
/// What is in memory already needs to be there a second time only while it is changed.
const MEMORY_CACHE_BYTES: usize = 8 * 1024 * 1024;

/// Cheap to clone; the clones are one database.
#[derive(Clone)]
pub struct Database {
    inner: Arc<redb::Database>,
    in_memory: bool,
}

/// Why a file cannot be used. Nothing was written to it.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// It is there, but it is not a whole database of ours.
    #[error(
        "{path} is damaged or not a database of this program ({reason}); it was left as it is. \
         Restore it from a copy, or move it away to start with an empty one"
    )]
    Damaged { path: PathBuf, reason: String },
    #[error("{path} is in use by another process")]
    InUse { path: PathBuf },
    #[error("{path} cannot be opened: {reason}")]
    Inaccessible { path: PathBuf, reason: String },
}

impl Database {
    /// Opens a file, or makes it, with the directories above it.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).map_err(|error| OpenError::Inaccessible {
                path: path.to_owned(),
                reason: error.to_string(),
            })?;
        }
        let mut builder = redb::Builder::new();
        builder
            .set_cache_size(CACHE_BYTES)
            .set_check_integrity_on_open(true);
        let inner = builder
            .create(path)
            .map_err(|error| open_error(path, &error))?;
        Ok(Self {
            inner: Arc::new(inner),
            in_memory: false,
        })
    }

    /// Ends with the process.
    pub fn in_memory() -> Self {
        Self::over(InMemoryBackend::new(), MEMORY_CACHE_BYTES)
    }

    /// Over a storage of the caller's, of which up to `cache` bytes are kept in memory.
    pub fn over(backend: impl redb::StorageBackend, cache: usize) -> Self {
        let mut builder = redb::Builder::new();
        let inner = builder.set_cache_size(cache).create_with_backend(backend);
        Self {
            inner: Arc::new(inner.expect("the storage is empty or whole")),
            in_memory: true,
        }
    }

    pub fn is_in_memory(&self) -> bool {
        self.in_memory
    }

    /// For who keeps tables in it.
    pub fn tables(&self) -> &redb::Database {
        &self.inner
    }
}

fn open_error(path: &Path, error: &DatabaseError) -> OpenError {
    let (path, reason) = (path.to_owned(), error.to_string());
    match error {
        DatabaseError::DatabaseAlreadyOpen | DatabaseError::LockProtocolMismatch => {
            OpenError::InUse { path }
        }
        DatabaseError::Storage(StorageError::Io(io))
            if io.kind() != std::io::ErrorKind::InvalidData
                && io.kind() != std::io::ErrorKind::UnexpectedEof =>
        {
            OpenError::Inaccessible { path, reason }
        }
        _ => OpenError::Damaged { path, reason },
    }
}

//! In the embedded database: what it reads from its storage.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use managing_api::chat::EmbeddedStore;
use managing_api::chat::store::Store;
use managing_api::eventlog::Database;
use redb::StorageBackend;
use redb::backends::InMemoryBackend;

use super::{Counting, FEW, MANY, User, Work, compare};
use crate::support::turn;

/// A storage that counts what is read. The clones are one.
#[derive(Clone, Debug, Default)]
struct Storage {
    memory: Arc<InMemoryBackend>,
    read: Arc<AtomicU64>,
}

impl StorageBackend for Storage {
    fn len(&self) -> Result<u64, io::Error> {
        self.memory.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<(), io::Error> {
        self.read.fetch_add(out.len() as u64, Ordering::Relaxed);
        self.memory.read(offset, out)
    }

    fn set_len(&self, len: u64) -> Result<(), io::Error> {
        self.memory.set_len(len)
    }

    fn sync_data(&self) -> Result<(), io::Error> {
        self.memory.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<(), io::Error> {
        self.memory.write(offset, data)
    }
}

struct InFile {
    store: EmbeddedStore,
    storage: Storage,
}

impl InFile {
    fn open(storage: &Storage, cache: usize) -> Self {
        let database = Database::over(storage.clone(), cache);
        Self {
            store: EmbeddedStore::new(database).expect("it is empty or whole"),
            storage: storage.clone(),
        }
    }
}

impl Counting for InFile {
    fn store(&self) -> &dyn Store {
        &self.store
    }

    async fn work(&self) -> Work {
        Work {
            commands: 0,
            bytes: self.storage.read.load(Ordering::Relaxed),
        }
    }
}

async fn costs(count: usize) -> Vec<(&'static str, Work)> {
    let storage = Storage::default();
    let filled = InFile::open(&storage, 1 << 28);
    let user = User::with(&filled.store, "ada", count).await;
    drop(filled);
    // Without a cache everything is read from the storage.
    user.costs(&InFile::open(&storage, 0)).await
}

#[tokio::test]
async fn no_operation_reads_more_for_a_user_with_many_conversations() {
    let _turn = turn::alone();
    let (few, many) = (costs(FEW).await, costs(MANY).await);
    // A tree of 10,000 is two or three pages of 4 KiB deeper, in each table that is touched.
    compare(few, many, |few, many| many.bytes < 4 * few.bytes + 200_000);
}

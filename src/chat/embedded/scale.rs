//! A user with 10,000 conversations: no operation reads more than for one with ten, but for a deeper
//! tree. What is compared is what is read from the storage, not time.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use redb::StorageBackend;
use redb::backends::InMemoryBackend;

use super::{EmbeddedStore, turns};
use crate::chat::store::{Change, Store, Turn, TurnEnd};
use crate::chat::{ConversationId, Message, MessageId, Role, RunId, Timestamp, UserId};
use crate::eventlog::Database;

const MANY: usize = 10_000;

/// Counts what is read. The clones are one storage.
#[derive(Clone, Debug)]
struct Counting {
    memory: Arc<InMemoryBackend>,
    read: Arc<AtomicU64>,
}

impl StorageBackend for Counting {
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

fn id(number: usize) -> String {
    format!("conversation-{number}")
}

/// A question to a conversation, new or not, and its answer.
fn turn(user: &UserId, number: usize, change: Change) -> (Turn, TurnEnd) {
    let turn = Turn {
        user: user.clone(),
        change,
        key: None,
        run_id: RunId::from(format!("run-{number}").as_str()),
        message_id: MessageId::random(),
        model: "m".to_owned(),
        at: Timestamp::now(),
    };
    let mut answer = Message::from_user(turn.message_id.clone(), "a".repeat(500).into(), turn.at);
    answer.role = Role::Assistant;
    answer.run_id = Some(turn.run_id.clone());
    let end = TurnEnd {
        user: user.clone(),
        conversation: turn.change.conversation().clone(),
        run: turn.run_id.clone(),
        answer,
        usage: None,
        question: None,
        at: turn.at,
    };
    (turn, end)
}

fn create(number: usize) -> Change {
    Change::Create {
        conversation: ConversationId::from(id(number).as_str()),
        title: format!("Title {number}"),
        message: MessageId::random(),
        content: "q".repeat(500).into(),
    }
}

struct Measured {
    store: EmbeddedStore,
    user: UserId,
    read: Arc<AtomicU64>,
}

impl Measured {
    fn with(count: usize) -> Self {
        let read = Arc::<AtomicU64>::default();
        let backend = Counting {
            memory: Arc::default(),
            read: read.clone(),
        };
        let open = |cache| EmbeddedStore::new(Database::watched(backend.clone(), cache));
        let store = open(1 << 30).expect("it is empty");
        let user = UserId::from("ada");
        // In one transaction: filling is not what is looked at.
        let filled = store.change(|tables, bounds| {
            for number in 0..count {
                let (turn, end) = turn(&user, number, create(number));
                turns::begin(tables, bounds, &turn)?;
                turns::finish(tables, bounds, &end)?;
            }
            Ok(())
        });
        filled.expect("there is room");
        drop(store);
        let store = open(0).expect("it is whole");
        Self { store, user, read }
    }

    /// What each operation reads, in bytes.
    async fn costs(&self, count: usize) -> Vec<(&'static str, u64)> {
        let (store, user) = (&self.store, &self.user);
        let middle = ConversationId::from(id(count / 2).as_str());
        let run = RunId::from("run-3");
        let page = store.list(user, None, 5).await.expect("there are some");
        let cursor = page.next_cursor.expect("there are more");
        let append = Change::Append {
            conversation: middle.clone(),
            message: MessageId::random(),
            content: "q".into(),
        };
        let (turn, end) = turn(user, count, append);
        let mut costs = Vec::new();
        let mut note = |what| costs.push((what, self.read.swap(0, Ordering::Relaxed)));
        note("filling");
        store.list(user, None, 5).await.expect("a page");
        note("first page");
        store.list(user, Some(&cursor), 5).await.expect("a page");
        note("next page");
        store
            .open(user, &middle, None, 200)
            .await
            .expect("is there");
        note("open");
        store.rename(user, &middle, "New").await.expect("is there");
        note("rename");
        store.begin_turn(&turn).await.expect("is free");
        note("begin");
        store.claims(user).await.expect("one");
        note("claims");
        store.finish_turn(&end).await.expect("is claimed");
        note("finish");
        store.answer_of(user, &run).await.expect("is there");
        note("answer");
        store.delete(user, &middle).await.expect("is free");
        note("delete");
        costs
    }
}

#[tokio::test]
async fn no_operation_reads_more_for_a_user_with_many_conversations() {
    let few = Measured::with(20).costs(20).await;
    let many = Measured::with(MANY).costs(MANY).await;
    for ((what, few), (_, many)) in few.into_iter().zip(many).skip(1) {
        // A tree of 10,000 is two or three pages of 4 KiB deeper, in each table that is touched.
        let limit = 4 * few + 200_000;
        assert!(many < limit, "{what}: {few} bytes for few, {many} for many");
    }
}

//! A user with 10,000 conversations: no operation makes a store do more than for one with twenty.
//! What is compared is what the store itself counts, not time.

mod in_file;
mod in_redis;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use managing_api::chat::store::{Change, Store, StoreError, Turn, TurnEnd};
use managing_api::chat::{ConversationId, Message, MessageId, Role, RunId, Timestamp, UserId};

const FEW: usize = 20;
const MANY: usize = 10_000;

/// A store that counts what it does.
trait Counting {
    fn store(&self) -> &dyn Store;
    async fn work(&self) -> Work;
}

/// What a store did since it began.
#[derive(Clone, Copy, Debug)]
struct Work {
    commands: u64,
    bytes: u64,
}

impl Work {
    fn since(self, before: Self) -> Self {
        Self {
            commands: self.commands - before.commands,
            bytes: self.bytes - before.bytes,
        }
    }
}

struct User {
    id: UserId,
    count: usize,
}

impl User {
    /// A user with so many conversations, each a question and its answer.
    async fn with(store: &dyn Store, name: &str, count: usize) -> Self {
        let user = Self {
            id: UserId::from(name),
            count,
        };
        let filling = stream::iter(0..count).map(|number| user.fill(store, number));
        let filled: Result<Vec<()>, _> = filling.buffer_unordered(64).try_collect().await;
        filled.expect("the store answers");
        user
    }

    async fn fill(&self, store: &dyn Store, number: usize) -> Result<(), StoreError> {
        let create = Change::Create {
            conversation: conversation(number),
            title: format!("Title {number}"),
            message: MessageId::random(),
            content: "q".repeat(500).into(),
        };
        let (turn, end) = self.turn(number, create);
        store.begin_turn(&turn).await?;
        store.finish_turn(&end).await.map(|_| ())
    }

    /// A question to a conversation, new or not, and its answer.
    fn turn(&self, number: usize, change: Change) -> (Turn, TurnEnd) {
        let turn = Turn {
            user: self.id.clone(),
            change,
            key: None,
            run_id: RunId::from(format!("run-{number}").as_str()),
            message_id: MessageId::random(),
            model: "m".to_owned(),
            at: Timestamp::now(),
        };
        let id = turn.message_id.clone();
        let mut answer = Message::from_user(id, "a".repeat(500).into(), turn.at);
        answer.role = Role::Assistant;
        answer.run_id = Some(turn.run_id.clone());
        let end = TurnEnd {
            user: self.id.clone(),
            conversation: turn.change.conversation().clone(),
            run: turn.run_id.clone(),
            answer,
            usage: None,
            question: None,
            at: turn.at,
        };
        (turn, end)
    }

    /// What each operation costs.
    async fn costs(&self, counting: &impl Counting) -> Vec<(&'static str, Work)> {
        let (store, user) = (counting.store(), &self.id);
        let middle = conversation(self.count / 2);
        let page = store.list(user, None, 5).await.expect("there are some");
        let cursor = page.next_cursor.expect("there are more");
        let append = Change::Append {
            conversation: middle.clone(),
            message: MessageId::random(),
            content: "q".into(),
        };
        let (turn, end) = self.turn(self.count, append);
        let run = RunId::from("run-3");
        let mut costs = Vec::new();
        macro_rules! cost {
            ($what:literal, $operation:expr) => {
                let before = counting.work().await;
                $operation.await.expect($what);
                costs.push(($what, counting.work().await.since(before)));
            };
        }
        cost!("first page", store.list(user, None, 5));
        cost!("next page", store.list(user, Some(&cursor), 5));
        cost!("open", store.open(user, &middle, None, 200));
        cost!("rename", store.rename(user, &middle, "New"));
        cost!("begin", store.begin_turn(&turn));
        cost!("claims", store.claims(user));
        cost!("finish", store.finish_turn(&end));
        cost!("answer", store.answer_of(user, &run));
        cost!("delete", store.delete(user, &middle));
        costs
    }
}

fn conversation(number: usize) -> ConversationId {
    ConversationId::from(format!("conversation-{number}").as_str())
}

/// Each operation's cost for a user with few conversations and for one with many.
fn compare(
    few: Vec<(&'static str, Work)>,
    many: Vec<(&'static str, Work)>,
    is_no_more: impl Fn(Work, Work) -> bool,
) {
    for ((what, few), (_, many)) in few.into_iter().zip(many) {
        assert!(is_no_more(few, many), "{what}: {few:?}, {many:?}");
    }
}

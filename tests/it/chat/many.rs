//! A user with 10,000 conversations in Redis: no operation makes Redis do more than for one with ten.
//! What is compared is Redis's own count of commands and of bytes sent, not time.

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use managing_api::chat::store::{Change, Store as _, StoreError, Turn, TurnEnd};
use managing_api::chat::{
    ConversationId, Message, MessageId, RedisStore, Role, RunId, Timestamp, UserId,
};
use managing_api::redis::{Options, RedisService, State};

use crate::support::{redis::RedisServer, turn};

const FEW: usize = 20;
const MANY: usize = 10_000;

struct User {
    store: RedisStore,
    id: UserId,
    count: usize,
}

impl User {
    /// A user with so many conversations.
    async fn with(redis: &RedisService, name: &str, count: usize) -> Self {
        let user = Self {
            store: RedisStore::new(redis.clone()),
            id: UserId::from(name),
            count,
        };
        let filling = stream::iter(0..count).map(|number| user.fill(number));
        let filled: Result<Vec<()>, _> = filling.buffer_unordered(64).try_collect().await;
        filled.expect("Redis answers");
        user
    }

    async fn fill(&self, number: usize) -> Result<(), StoreError> {
        let create = Change::Create {
            conversation: self.conversation(number),
            title: format!("Title {number}"),
            message: MessageId::random(),
            content: "q".repeat(500).into(),
        };
        let (turn, end) = self.turn(number, create);
        self.store.begin_turn(&turn).await?;
        self.store.finish_turn(&end).await.map(|_| ())
    }

    fn conversation(&self, number: usize) -> ConversationId {
        ConversationId::from(format!("conversation-{number}").as_str())
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

    /// What each operation costs Redis: commands, and bytes sent.
    async fn costs(&self, server: &RedisServer) -> Vec<(&'static str, Work)> {
        let (store, user) = (&self.store, &self.id);
        let middle = self.conversation(self.count / 2);
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
        let mut before = Work::done(server).await;
        macro_rules! cost {
            ($what:literal, $operation:expr) => {
                $operation.await.expect($what);
                let after = Work::done(server).await;
                costs.push(($what, after.since(before)));
                before = Work::done(server).await;
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
        let _ = before;
        costs
    }
}

#[derive(Clone, Copy, Debug)]
struct Work {
    commands: u64,
    bytes: u64,
}

impl Work {
    /// Since Redis began, without what asks for it and what only keeps a connection alive.
    async fn done(server: &RedisServer) -> Self {
        let lines = server.ask(&["INFO commandstats", "INFO stats"]).await;
        let number = |line: &str, name: &str| -> u64 {
            let (_, rest) = line.split_once(name).expect("Redis says so");
            let digits = rest.split(|c: char| !c.is_ascii_digit()).next();
            digits.and_then(|digits| digits.parse().ok()).unwrap_or(0)
        };
        let commands = lines.iter().filter(|line| line.starts_with("cmdstat_"));
        let commands = commands.filter(|line| {
            !["info:", "ping:", "quit:"]
                .iter()
                .any(|name| line.contains(name))
        });
        let sent = lines
            .iter()
            .find(|line| line.starts_with("total_net_output_bytes:"));
        Self {
            commands: commands.map(|line| number(line, "calls=")).sum(),
            bytes: number(sent.expect("Redis says so"), "total_net_output_bytes:"),
        }
    }

    fn since(self, before: Self) -> Self {
        Self {
            commands: self.commands - before.commands,
            bytes: self.bytes - before.bytes,
        }
    }
}

#[tokio::test]
async fn no_operation_asks_more_of_redis_for_a_user_with_many_conversations() {
    let _turn = turn::alone();
    let Some(server) = RedisServer::start(&[]).await else {
        return;
    };
    let redis = RedisService::start(Options::server("127.0.0.1", server.port()));
    let mut states = redis.watch();
    states.wait_for(State::is_up).await.expect("it lives");
    let few = User::with(&redis, "few", FEW).await.costs(&server).await;
    let many = User::with(&redis, "many", MANY).await.costs(&server).await;
    for ((what, few), (_, many)) in few.into_iter().zip(many) {
        // Scripts are known by now, and what is returned is the same.
        assert!(many.commands <= few.commands, "{what}: {few:?}, {many:?}");
        assert!(many.bytes <= few.bytes + 500, "{what}: {few:?}, {many:?}");
    }
}

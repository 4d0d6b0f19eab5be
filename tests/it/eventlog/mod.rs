//! Logs in a store, as those who write and follow them rely on: ownership, what can be read again,
//! what is fed. The store is a `redis-server` child's.

mod copy;
mod feed;
mod ownership;
mod reading;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use managing_api::eventlog::{
    Acquired, Append, Appended, Bounds, Epoch, Event, EventLog, Expected, Lease, LogName, LogStore,
    Position, RedisLogs, Snapshot, Stored,
};
use managing_api::redis::{InstanceId, Instances, Options, RedisService, State};
use serde_json::json;

use crate::support::{redis::RedisServer, within};

/// Generous: a busy machine, many tests.
const LIMIT: Duration = Duration::from_secs(20);

/// An instance with its store. Dropped, it is dead without a goodbye.
struct Instance {
    logs: Arc<RedisLogs>,
}

impl Instance {
    async fn join(server: &RedisServer, name: &str) -> Self {
        let redis = RedisService::start(Options::server("127.0.0.1", server.port()));
        let mut states = redis.watch();
        let up = within(LIMIT, "connected", states.wait_for(State::is_up)).await;
        assert!(up.is_ok_and(|up| up.is_ok()));
        let instances = Instances::start(&redis, InstanceId::new(name), || json!({}));
        Self {
            logs: RedisLogs::new(redis, instances),
        }
    }

    async fn acquire(&self, log: &LogName, from: Expected<'_>) -> Acquired {
        let about = Bytes::from_static(b"about");
        let acquired = self.logs.acquire(log, about, from).await;
        acquired.expect("Redis answers")
    }

    async fn lease(&self, log: &LogName, from: Expected<'_>) -> (Lease, Stored) {
        match self.acquire(log, from).await {
            Acquired::Yes(lease, stored) => (lease, stored),
            Acquired::Held { owner } => panic!("{owner} holds it"),
        }
    }

    async fn append(&self, append: Append) -> Appended {
        let appended = self.logs.append(std::slice::from_ref(&append)).await;
        appended.expect("Redis answers")[0]
    }

    async fn read(&self, log: &LogName, after: Option<(&Epoch, u64)>) -> Option<Stored> {
        let stored = self.logs.read(log, after, false).await;
        stored.expect("Redis answers")
    }
}

/// A log's state: how many durable events it had.
struct Count(u64);

impl Snapshot for Count {
    fn snapshot(&self) -> Bytes {
        self.0.to_string().into()
    }
}

/// A log in memory, to take events from.
struct Source {
    log: Arc<EventLog<Count>>,
    sent: Position,
}

impl Source {
    fn new(epoch: &Epoch) -> Self {
        let log = EventLog::new(epoch.clone(), Count(0), Bounds::default());
        let sent = log.position();
        Self { log, sent }
    }

    fn write(&self, body: &str) {
        write(&self.log, body);
    }

    fn set(&self, key: &str, body: &str) {
        let body = body.to_owned();
        self.log
            .write(|writer| writer.conflate(key, "Value", |_| body));
    }

    fn lose(&self, body: &str) {
        let body = body.to_owned();
        self.log.write(|writer| writer.lose("Line", |_| body));
    }

    /// What was written since the last time.
    fn events(&mut self) -> Vec<Event> {
        let (events, position) = self.log.after(&self.sent).expect("nothing is trimmed");
        self.sent = position;
        events
    }

    /// The same as an append.
    fn append(&mut self, lease: &Lease) -> Append {
        Append {
            notes: Vec::new(),
            lease: lease.clone(),
            epoch: self.sent.epoch.clone(),
            events: self.events(),
            snapshot: None,
            trimmed: 0,
            whole: None,
            ended: None,
        }
    }
}

fn write(log: &EventLog<Count>, body: &str) {
    let body = body.to_owned();
    log.write(|writer| {
        writer.state().0 += 1;
        writer.append("Event", |_| body)
    });
}

fn bodies(events: &[Event]) -> Vec<&str> {
    let texts = events.iter().map(|event| std::str::from_utf8(&event.body));
    texts.map(|text| text.expect("text")).collect()
}

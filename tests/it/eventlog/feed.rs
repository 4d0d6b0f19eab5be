//! What is fed to copies on other instances, whatever happens in between.

use std::sync::Arc;
use std::time::Duration;

use managing_api::eventlog::{Appender, Bounds, EventLog, Expected, Feed, LogName, LogStore as _};

use super::copy::Copy;
use super::{Count, Instance, LIMIT, write};
use crate::support::{Task, redis::RedisServer, turn, within};

/// A log that one instance writes, and copies of it on another.
struct Followed {
    log: Arc<EventLog<Count>>,
    name: LogName,
    appender: Arc<Appender>,
    feed: Arc<Feed>,
    _tasks: [Task; 2],
    _writer: Instance,
    _reader: Instance,
}

impl Followed {
    async fn start(server: &RedisServer) -> Self {
        let (writer, reader) = (
            Instance::join(server, "writer").await,
            Instance::join(server, "reader").await,
        );
        let name = LogName::new("test", "1");
        let (lease, stored) = writer.lease(&name, Expected::Nobody).await;
        let log = EventLog::new(stored.epoch.clone(), Count(0), Bounds::default());
        let appender = Appender::new(writer.logs.clone());
        let feed = Feed::new(reader.logs.clone());
        let tasks = [
            Task::spawn(appender.clone().run()),
            Task::spawn(feed.clone().run()),
        ];
        let keep = Duration::from_secs(60);
        appender.attach(&log, lease, &stored, keep, || panic!("nobody took it"));
        Self {
            log,
            name,
            appender,
            feed,
            _tasks: tasks,
            _writer: writer,
            _reader: reader,
        }
    }

    fn set(&self, key: &str, value: u64) {
        let value = value.to_string();
        self.log
            .write(|writer| writer.conflate(key, "Value", |_| value));
    }

    fn lose(&self, line: &'static str) {
        self.log.write(|writer| writer.lose("Line", |_| line));
    }

    /// A copy, as soon as Redis answers.
    async fn follow(&self) -> Arc<Copy> {
        let following = within(LIMIT, "a copy", async {
            loop {
                let copy = self
                    .feed
                    .follow(&self.name, |_| Some(Arc::new(Copy::default())));
                match copy.await {
                    Ok(copy) => return copy.expect("it is there"),
                    Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
                }
            }
        });
        following.await.expect("within the limit")
    }
}

fn append(log: &EventLog<Count>) {
    let next = log.position().seq + 1;
    write(log, &next.to_string());
}

#[tokio::test]
async fn events_of_every_kind_are_fed_and_a_later_copy_has_the_latest_values() {
    let _turn = turn::beside_others();
    let Some(server) = RedisServer::start(&[]).await else {
        return;
    };
    let followed = Followed::start(&server).await;
    let early = followed.follow().await;
    append(&followed.log);
    followed.set("pnl", 1);
    append(&followed.log);
    followed.set("pnl", 2);
    early
        .wait_for("the latest value", |known| {
            known.seq == 2 && known.values.get("pnl") == Some(&2)
        })
        .await;
    // Only what is fed has lossy events, and before the channel is there nothing is.
    let line = within(LIMIT, "a line", async {
        while early.known().lines.is_empty() {
            followed.lose("line");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
    line.await.expect("within the limit");

    let late = followed.follow().await;
    assert_eq!(late.known().values.get("pnl"), Some(&2));
    assert_eq!((late.known().seq, late.known().lines.len()), (2, 0));
    // A value alone, without a durable event, is news too.
    followed.set("pnl", 3);
    late.wait_for("a value alone", |known| known.values.get("pnl") == Some(&3))
        .await;
    followed.log.close();
    late.wait_for("the end", |known| known.ended).await;
}

#[tokio::test]
async fn a_copy_goes_on_over_a_redis_that_lost_everything() {
    let _turn = turn::beside_others();
    let Some(mut server) = RedisServer::start(&[]).await else {
        return;
    };
    let followed = Followed::start(&server).await;
    append(&followed.log);
    followed.set("pnl", 1);
    let copy = followed.follow().await;
    server.kill();
    append(&followed.log);
    followed.set("pnl", 2);
    server.restart().await;
    let known = copy
        .wait_for("what was written meanwhile", |known| {
            known.seq == 2 && known.values.get("pnl") == Some(&2)
        })
        .await;
    assert_eq!(known.replaced, 1, "nothing was told twice");
    append(&followed.log);
    copy.wait_for("what comes", |known| known.seq == 3).await;
}

/// Longer than the log in memory and in the store: a copy that was away gets a snapshot.
#[tokio::test]
async fn a_new_copy_of_a_trimmed_log_begins_with_its_snapshot() {
    let _turn = turn::beside_others();
    let Some(server) = RedisServer::start(&[]).await else {
        return;
    };
    let followed = Followed::start(&server).await;
    let total = Bounds::default().events as u64 + 5_000;
    for _ in 0..total / 500 {
        (0..500).for_each(|_| append(&followed.log));
        assert!(followed.appender.flush(LIMIT).await, "the store has it");
    }
    let copy = followed.follow().await;
    copy.wait_for("all of it", |known| known.seq == total).await;
    let stored = followed
        ._reader
        .logs
        .read(&followed.name, None, false)
        .await;
    let stored = stored.expect("Redis answers").expect("it is there");
    assert!(stored.snapshot.is_some(), "the beginning is gone");
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_lost_on_the_way_no_copy_sees_a_gap_or_an_older_value_after_a_newer() {
    let _turn = turn::alone();
    let Some(server) = RedisServer::start(&[]).await else {
        return;
    };
    let followed = Followed::start(&server).await;
    let mut copies = Vec::new();
    for round in 0..30_u64 {
        copies.push(followed.follow().await);
        for step in 0..40 {
            append(&followed.log);
            followed.set(
                ["pnl", "candle", "balance"][step % 3],
                round * 40 + step as u64,
            );
            tokio::task::yield_now().await;
        }
        // Every third round the subscription breaks, every fifth all connections do.
        if round % 3 == 0 {
            server.ask(&["CLIENT KILL TYPE pubsub"]).await;
        }
        if round % 5 == 0 {
            server.ask(&["CLIENT KILL TYPE normal"]).await;
        }
    }
    let last = followed.log.position().seq;
    // The latest copy of a log on an instance is the one that is kept up to date.
    let copy = copies.pop().expect("there are some");
    let known = copy
        .wait_for("all of it", |known| {
            known.seq == last && known.values.values().sum::<u64>() == 1_197 + 1_198 + 1_199
        })
        .await;
    assert_eq!(known.values.len(), 3);
}

//! What a log answers to who reads it: from a place on, or as a whole.

use managing_api::eventlog::{Append, Appended, Bounds, Epoch, Expected, LogName};

use super::{Instance, Source, bodies};
use crate::support::{redis::RedisServer, turn};

#[tokio::test]
async fn a_log_is_read_from_any_place_that_it_holds_and_else_as_a_whole() {
    let _turn = turn::beside_others();
    let Some(server) = RedisServer::start(&[]).await else {
        return;
    };
    let a = Instance::join(&server, "a").await;
    let log = LogName::new("test", "1");
    assert!(a.read(&log, None).await.is_none());
    let (lease, new) = a.lease(&log, Expected::Nobody).await;
    let mut source = Source::new(&new.epoch);
    for body in ["1", "2", "3"] {
        source.write(body);
    }
    assert_eq!(a.append(source.append(&lease)).await, Appended::UpTo(3));
    let other = Epoch::random();
    for (after, expected) in [
        (None, &["1", "2", "3"][..]),
        (Some((&new.epoch, 0)), &["1", "2", "3"]),
        (Some((&new.epoch, 2)), &["3"]),
        (Some((&new.epoch, 3)), &[]),
        // Nobody has seen the future, and another history is no place in this one.
        (Some((&new.epoch, 4)), &["1", "2", "3"]),
        (Some((&other, 2)), &["1", "2", "3"]),
    ] {
        let stored = a.read(&log, after).await.expect("it is there");
        assert_eq!(bodies(&stored.events), expected, "{after:?}");
        assert_eq!((stored.seq, stored.snapshot), (3, None));
    }
}

#[tokio::test]
async fn what_comes_twice_is_kept_once_and_what_leaves_a_gap_is_wanted_as_a_whole() {
    let _turn = turn::beside_others();
    let Some(server) = RedisServer::start(&[]).await else {
        return;
    };
    let a = Instance::join(&server, "a").await;
    let log = LogName::new("test", "1");
    let (lease, new) = a.lease(&log, Expected::Nobody).await;
    let mut source = Source::new(&new.epoch);
    source.write("1");
    source.write("2");
    let first = source.append(&lease);
    for _ in 0..2 {
        assert_eq!(a.append(first.clone()).await, Appended::UpTo(2));
    }
    source.write("3");
    source.events();
    source.write("4");
    let with_gap = source.append(&lease);
    assert_eq!(a.append(with_gap).await, Appended::Missing);
    let foreign = Append {
        epoch: Epoch::random(),
        ..first
    };
    assert_eq!(a.append(foreign).await, Appended::Missing);
    let stored = a.read(&log, None).await.expect("it is there");
    assert_eq!(bodies(&stored.events), ["1", "2"]);
}

#[tokio::test]
async fn one_batch_holds_many_logs_and_each_has_its_own_answer() {
    let _turn = turn::beside_others();
    let Some(server) = RedisServer::start(&[]).await else {
        return;
    };
    let (a, b) = (
        Instance::join(&server, "a").await,
        Instance::join(&server, "b").await,
    );
    let mut batch = Vec::new();
    for number in 0..100 {
        let log = LogName::new("test", &number.to_string());
        let (lease, new) = a.lease(&log, Expected::Nobody).await;
        let mut source = Source::new(&new.epoch);
        for event in 0..number {
            source.write(&event.to_string());
        }
        batch.push(source.append(&lease));
    }
    b.lease(&batch[7].lease.log, Expected::Anybody).await;
    let answers = managing_api::eventlog::LogStore::append(&*a.logs, &batch).await;
    let expected = (0..100).map(|number| match number {
        7 => Appended::Fenced,
        _ => Appended::UpTo(number),
    });
    assert_eq!(answers, Ok(expected.collect()));
}

#[tokio::test]
async fn beyond_its_bound_a_log_begins_with_a_snapshot() {
    let _turn = turn::beside_others();
    let Some(server) = RedisServer::start(&[]).await else {
        return;
    };
    let a = Instance::join(&server, "a").await;
    let log = LogName::new("test", "1");
    let (lease, new) = a.lease(&log, Expected::Nobody).await;
    let mut source = Source::new(&new.epoch);
    let most = Bounds::default().events as u64;
    let total = most + 3_000;
    while source.sent.seq < total {
        for _ in 0..1_000 {
            source.write("x");
        }
        let append = source.append(&lease);
        let snapshot = (source.sent.seq == total - 1_000).then(|| (total - 1_000, "s".into()));
        let append = Append { snapshot, ..append };
        assert_eq!(a.append(append).await, Appended::UpTo(source.sent.seq));
    }
    // What no snapshot stands for would have been kept, however much it is.
    let stored = a.read(&log, None).await.expect("it is there");
    assert_eq!(stored.snapshot, Some((total - 1_000, "s".into())));
    assert_eq!(stored.events.len(), 1_000);
    assert_eq!(stored.events[0].seq, total - 999);

    let oldest = total - most;
    let held = a.read(&log, Some((&new.epoch, oldest))).await;
    let held = held.expect("it is there");
    assert_eq!((held.snapshot, held.events.len() as u64), (None, most));
    let trimmed = a.read(&log, Some((&new.epoch, oldest - 1))).await;
    assert!(trimmed.is_some_and(|stored| stored.snapshot.is_some()));
}

#[tokio::test]
async fn what_its_writer_gave_up_goes_once_a_snapshot_stands_for_it() {
    let _turn = turn::beside_others();
    let Some(server) = RedisServer::start(&[]).await else {
        return;
    };
    let a = Instance::join(&server, "a").await;
    let log = LogName::new("test", "1");
    let (lease, new) = a.lease(&log, Expected::Nobody).await;
    let mut source = Source::new(&new.epoch);
    let mut append = async |snapshot: Option<u64>, trimmed| {
        source.write("x");
        let append = source.append(&lease);
        let snapshot = snapshot.map(|seq| (seq, "s".into()));
        let append = Append {
            snapshot,
            trimmed,
            ..append
        };
        a.append(append).await
    };
    for seq in 1..=4 {
        assert_eq!(append(None, seq - 1).await, Appended::UpTo(seq));
    }
    let from_the_beginning = Some((&new.epoch, 0));
    let all = a.read(&log, from_the_beginning).await.expect("it is there");
    assert_eq!((all.snapshot, all.events.len()), (None, 4));

    assert_eq!(append(Some(3), 4).await, Appended::UpTo(5));
    let rest = a.read(&log, Some((&new.epoch, 3))).await;
    let rest = rest.expect("it is there");
    assert_eq!((rest.snapshot, rest.events.len()), (None, 2));
    let gone = a.read(&log, from_the_beginning).await;
    let gone = gone.expect("it is there");
    assert_eq!(gone.snapshot, Some((3, "s".into())));
    assert_eq!(gone.events.len(), 2);
}

#[tokio::test]
async fn of_a_conflated_value_the_latest_is_kept_and_of_a_lossy_event_nothing() {
    let _turn = turn::beside_others();
    let Some(server) = RedisServer::start(&[]).await else {
        return;
    };
    let a = Instance::join(&server, "a").await;
    let log = LogName::new("test", "1");
    let (lease, new) = a.lease(&log, Expected::Nobody).await;
    let mut source = Source::new(&new.epoch);
    source.set("pnl", "pnl 1");
    source.write("1");
    source.set("candle BTC 1m", "candle 1");
    source.lose("line");
    a.append(source.append(&lease)).await;
    source.set("pnl", "pnl 2");
    a.append(source.append(&lease)).await;
    let stored = a.read(&log, None).await.expect("it is there");
    assert_eq!(bodies(&stored.events), ["1", "candle 1", "pnl 2"]);
    let keys: Vec<_> = stored.events.iter().map(|it| it.key.as_deref()).collect();
    assert_eq!(keys, [None, Some("candle BTC 1m"), Some("pnl")]);

    // Beyond the bound the one goes that did not change for longest.
    let most = Bounds::default().conflated;
    for number in 0..most - 1 {
        source.set(&format!("key {number}"), "x");
    }
    a.append(source.append(&lease)).await;
    let stored = a.read(&log, Some((&new.epoch, 1))).await;
    let stored = stored.expect("it is there");
    assert_eq!(stored.events.len(), most);
    assert_eq!(stored.events[0].key.as_deref(), Some("pnl"));
}

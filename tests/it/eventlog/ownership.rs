//! Whose a log is, and what becomes of one that nobody has any more.

use managing_api::eventlog::{
    Acquired, Append, Appended, Expected, LogName, LogStore as _, Stored, Whole,
};

use super::{Instance, LIMIT, Source, bodies};
use crate::support::{redis::RedisServer, turn, within};

#[tokio::test]
async fn a_log_has_one_owner_and_what_a_former_one_sends_is_refused() {
    let _turn = turn::beside_others();
    let Some(server) = RedisServer::start(&[]).await else {
        return;
    };
    let (a, b) = (
        Instance::join(&server, "a").await,
        Instance::join(&server, "b").await,
    );
    let log = LogName::new("test", "1");
    let (lease_a, new) = a.lease(&log, Expected::Nobody).await;
    assert_eq!((new.seq, new.events.len(), new.ended), (0, 0, false));
    let mut source = Source::new(&new.epoch);
    source.write("1");
    assert_eq!(a.append(source.append(&lease_a)).await, Appended::UpTo(1));
    for from in [Expected::Nobody, Expected::Instance("somebody")] {
        let held = b.acquire(&log, from).await;
        assert!(matches!(held, Acquired::Held { owner } if &*owner == "a"));
    }

    // By name, as when `a` is known to be dead; then whoever it is, as when a worker moved.
    for (expected, fence) in [(Expected::Instance("a"), 2), (Expected::Anybody, 3)] {
        let (lease, stored) = b.lease(&log, expected).await;
        assert_eq!(lease.fence, fence, "each owner's is higher");
        assert_eq!(stored.epoch, new.epoch, "its history goes on");
        assert_eq!(bodies(&stored.events), ["1"]);
        source.write("late");
        assert_eq!(a.append(source.append(&lease_a)).await, Appended::Fenced);
        assert_eq!(b.read(&log, None).await.map(|log| log.seq), Some(1));
        // Nor does it end what is not its own.
        a.logs.let_go(&lease_a).await.expect("Redis answers");
        a.logs.remove(&lease_a).await.expect("Redis answers");
        let owner = b.read(&log, None).await.and_then(|log| log.owner);
        assert_eq!(owner.as_deref(), Some("b"));
    }
    assert_eq!(b.logs.owned("test").await, Ok(vec![log.clone()]));
    assert_eq!(a.logs.owned("test").await, Ok(Vec::new()));
    assert_eq!(b.logs.owned("other").await, Ok(Vec::new()));
}

#[tokio::test]
async fn a_log_that_was_let_go_is_anybodys_and_a_removed_one_is_gone() {
    let _turn = turn::beside_others();
    let Some(server) = RedisServer::start(&[]).await else {
        return;
    };
    let (a, b) = (
        Instance::join(&server, "a").await,
        Instance::join(&server, "b").await,
    );
    let log = LogName::new("test", "with spaces / and : signs");
    let (lease, new) = a.lease(&log, Expected::Nobody).await;
    let mut source = Source::new(&new.epoch);
    source.write("1");
    source.set("pnl", "2");
    a.append(source.append(&lease)).await;
    a.logs.let_go(&lease).await.expect("Redis answers");
    assert_eq!(a.logs.owned("test").await, Ok(Vec::new()));
    let (lease, stored) = b.lease(&log, Expected::Nobody).await;
    assert_eq!((stored.epoch, stored.seq), (new.epoch, 1));
    assert_eq!(&stored.about[..], b"about");

    b.logs.remove(&lease).await.expect("Redis answers");
    assert!(b.read(&log, None).await.is_none());
    assert_eq!(b.logs.tails(&[log]).await, Ok(vec![None]));
    let left = server.ask(&["KEYS *log:*1*"]).await;
    assert_eq!(left[0], "*0", "{left:?}");
}

#[tokio::test]
async fn logs_whose_owner_died_are_found_with_its_name() {
    let _turn = turn::beside_others();
    let Some(server) = RedisServer::start(&[]).await else {
        return;
    };
    let (a, b) = (
        Instance::join(&server, "a").await,
        Instance::join(&server, "b").await,
    );
    let log = LogName::new("test", "1");
    let (lease, _) = a.lease(&log, Expected::Nobody).await;
    b.lease(&LogName::new("test", "2"), Expected::Nobody).await;
    a.lease(&LogName::new("other", "3"), Expected::Nobody).await;
    assert_eq!(b.logs.orphans("test").await, Ok(Vec::new()));
    drop(a);
    let orphaned = within(LIMIT, "an orphan", async {
        loop {
            let orphans = b.logs.orphans("test").await.expect("Redis answers");
            if !orphans.is_empty() {
                return orphans;
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
    });
    let orphans = orphaned.await.expect("within the limit");
    assert_eq!(orphans, [(log.clone(), "a".into())]);
    let (taken, _) = b.lease(&log, Expected::Instance("a")).await;
    assert!(taken.fence > lease.fence);
    assert_eq!(b.logs.orphans("test").await, Ok(Vec::new()));
}

#[tokio::test]
async fn an_ended_log_is_kept_for_a_while_unless_somebody_goes_on_with_it() {
    let _turn = turn::beside_others();
    let Some(server) = RedisServer::start(&[]).await else {
        return;
    };
    let a = Instance::join(&server, "a").await;
    let end = async |name: &str, keep| {
        let log = LogName::new("test", name);
        let (lease, new) = a.lease(&log, Expected::Nobody).await;
        let mut source = Source::new(&new.epoch);
        source.write("1");
        source.set("pnl", "2");
        let ended = Append {
            ended: Some(std::time::Duration::from_secs(keep)),
            ..source.append(&lease)
        };
        assert_eq!(a.append(ended).await, Appended::UpTo(1));
        let stored = a.read(&log, None).await.expect("it is kept");
        assert!(stored.ended && stored.owner.is_none());
        assert_eq!(a.logs.owned("test").await, Ok(Vec::new()));
        log
    };
    let forgotten = end("forgotten", 1).await;
    let taken_up = end("taken up", 600).await;
    let (lease, stored) = a.lease(&taken_up, Expected::Nobody).await;
    assert!(!stored.ended);
    assert_eq!(bodies(&stored.events), ["1", "2"]);
    for what in ["meta", "events", "values"] {
        let key = server
            .ask(&[&format!("KEYS *log:{what}:test/taken*")])
            .await;
        let key = key[2].replace(' ', "?");
        // A glob stands for the space, which an inline command cannot hold.
        let script =
            format!("EVAL \"return\u{20}redis.call('TTL',redis.call('KEYS','{key}')[1])\" 0");
        assert_eq!(server.ask(&[&script]).await[0], ":-1", "{what}");
    }
    a.logs.remove(&lease).await.expect("Redis answers");
    let gone = within(LIMIT, "an ended log is forgotten", async {
        while a.read(&forgotten, None).await.is_some() {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    });
    gone.await.expect("within the limit");
}

#[tokio::test]
async fn an_owner_writes_its_whole_log_to_a_store_that_forgot_it_unless_it_was_overtaken() {
    let _turn = turn::beside_others();
    let Some(server) = RedisServer::start(&[]).await else {
        return;
    };
    let (a, b) = (
        Instance::join(&server, "a").await,
        Instance::join(&server, "b").await,
    );
    let log = LogName::new("test", "1");
    let (lease, new) = a.lease(&log, Expected::Nobody).await;
    let mut source = Source::new(&new.epoch);
    source.write("1");
    server.ask(&["FLUSHALL"]).await;
    assert_eq!(a.append(source.append(&lease)).await, Appended::Missing);
    source.write("2");
    source.set("pnl", "3");
    let whole = |events| Append {
        notes: Vec::new(),
        lease: lease.clone(),
        epoch: new.epoch.clone(),
        events,
        snapshot: Some((1, "1".into())),
        trimmed: 1,
        whole: Some(Whole {
            about: "about".into(),
            is_based_on_state: false,
        }),
        ended: None,
    };
    assert_eq!(a.append(whole(source.events())).await, Appended::UpTo(2));
    assert_eq!(a.logs.owned("test").await, Ok(vec![log.clone()]));
    let stored = b.read(&log, None).await.expect("it is there again");
    assert_eq!(stored.snapshot, Some((1, "1".into())));
    assert_eq!(bodies(&stored.events), ["2", "3"]);
    assert_eq!(&stored.about[..], b"about");

    let (_, Stored { seq, .. }) = b.lease(&log, Expected::Instance("a")).await;
    assert_eq!(seq, 2);
    assert_eq!(a.append(whole(Vec::new())).await, Appended::Fenced);
}

#[tokio::test]
async fn who_asked_for_a_log_before_it_was_there_is_not_forgotten() {
    let _turn = turn::beside_others();
    let Some(server) = RedisServer::start(&[]).await else {
        return;
    };
    let (a, b) = (
        Instance::join(&server, "a").await,
        Instance::join(&server, "b").await,
    );
    let log = LogName::new("test", "1");
    let nothing = b.logs.read(&log, None, true).await;
    assert!(nothing.is_ok_and(|stored| stored.is_none()));
    let keys = server.ask(&["KEYS *followers*"]).await;
    let followers = keys.iter().find(|line| line.contains("followers"));
    let asked = format!("TTL {}", followers.expect("somebody follows"));
    let left = async || server.ask(&[&asked]).await.first().cloned();
    assert_ne!(left().await.as_deref(), Some(":-1"), "it will go");

    a.lease(&log, Expected::Nobody).await;
    assert_eq!(left().await.as_deref(), Some(":-1"), "it stays");
}

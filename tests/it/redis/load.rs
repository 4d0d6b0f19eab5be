//! Many messages and many channels.

use std::time::Duration;

use bytes::Bytes;
use managing_api::redis::{Received, State, Subscribed};
use tokio::time::Instant;

use super::{LIMIT, connected, wait_for};
use crate::support::{redis::RedisServer, soaking, turn, within};

/// Every message of a burst arrives in order, or is counted as lost.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_burst_loses_nothing_in_silence() {
    let _turn = turn::alone();
    let Some(server) = RedisServer::start(&["--client-output-buffer-limit", "pubsub 0 0 0"]).await
    else {
        return;
    };
    let here = connected(&server).await;
    let there = connected(&server).await;
    let (subscriber, mut receiver) = here.pub_sub().subscriber();
    subscriber.subscribe(vec!["burst".to_owned()]).await;
    let count = 100_000u64;
    let publishing = tokio::spawn(async move {
        let mut last = None;
        for number in 0..count {
            let payload = Bytes::from(number.to_be_bytes().to_vec());
            last = Some(there.pub_sub().publish("burst", payload));
        }
        last.expect("at least one").await
    });
    let (mut next, mut lost) = (0, 0);
    while next < count {
        match within(LIMIT, "a message", receiver.recv()).await {
            Ok(Some(Received::Message { payload, .. })) => {
                let number = u64::from_be_bytes(payload[..].try_into().expect("eight bytes"));
                assert_eq!(number, next, "after {lost} lost");
                next = number + 1;
            }
            Ok(Some(Received::Lost(missing))) => {
                lost += missing;
                next += missing;
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(publishing.await.expect("does not panic"), Ok(1));
    assert_eq!(lost, here.numbers().lost.get());
    assert_eq!(
        lost, 0,
        "the ring and the queue have room for a burst like this"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_thousand_channels_are_subscribed_again_at_once() {
    let _turn = turn::alone();
    let Some(mut server) = RedisServer::start(&[]).await else {
        return;
    };
    let service = connected(&server).await;
    let (subscriber, mut receiver) = service.pub_sub().subscriber();
    let count = 20_000;
    let names = || (0..count).map(|number| format!("group:with-a-name-of-some-length:{number}"));
    let subscribed = subscriber.subscribe(names().collect()).await;
    assert_eq!(subscribed, Subscribed::Confirmed);
    server.kill();
    wait_for(&service, "down", |state| !state.is_up()).await;
    server.restart().await;
    let answering = Instant::now();
    wait_for(&service, "up", State::is_up).await;
    let took = answering.elapsed();
    let limit = Duration::from_secs(if soaking() { 2 } else { 6 });
    assert!(took < limit, "took {took:?}");
    eprintln!("{count} channels were subscribed again {took:?} after Redis answered");
    let names: Vec<String> = names().collect();
    let counts = service.pub_sub().subscriber_counts(&names).await;
    assert_eq!(counts, Ok(vec![1; count]));
    super::assert_flows(&service, &names[count - 1], &mut receiver).await;
}

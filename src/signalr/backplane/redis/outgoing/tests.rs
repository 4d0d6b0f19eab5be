//! Tests of the way out, with a Redis that answers as told.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use futures_util::{FutureExt, future::BoxFuture, poll};
use tokio::{sync::oneshot, time::advance};

use super::{
    super::{Numbers, RedisBackplaneOptions},
    IN_FLIGHT_BYTES, Outgoing, Publisher,
};
use crate::{redis::RedisError, signalr::backplane::BackplaneError};

type Answer = Result<u64, RedisError>;

/// What was published, each with the way to answer it.
#[derive(Default)]
struct Redis(Mutex<Vec<(String, oneshot::Sender<Answer>)>>);

impl Publisher for Redis {
    fn publish(&self, channel: &str, _payload: Bytes) -> BoxFuture<'static, Answer> {
        let (answer, answered) = oneshot::channel();
        self.0.lock().unwrap().push((channel.to_owned(), answer));
        async move { answered.await.expect("an answer") }.boxed()
    }
}

struct Bed {
    redis: Arc<Redis>,
    outgoing: Arc<Outgoing>,
    numbers: Arc<Numbers>,
}

impl Bed {
    fn new(queue_bytes: usize) -> Self {
        let redis = Arc::new(Redis::default());
        let options = RedisBackplaneOptions {
            queue_bytes,
            ..RedisBackplaneOptions::default()
        };
        let numbers = Arc::new(Numbers::default());
        let (outgoing, answers) = Outgoing::new(redis.clone(), &options, numbers.clone());
        tokio::spawn(outgoing.clone().settle(answers));
        Self {
            redis,
            outgoing,
            numbers,
        }
    }

    async fn send(&self, channel: &str, bytes: usize) -> Result<(), BackplaneError> {
        let place = self.outgoing.reserve(bytes, 1).await?;
        place.send(vec![channel.to_owned()], |_| Bytes::from(vec![0; bytes]));
        Ok(())
    }

    /// The channels of what was published since the last call, each answered so.
    async fn published(&self, answer: impl Fn(&str) -> Answer) -> Vec<String> {
        let published = std::mem::take(&mut *self.redis.0.lock().unwrap());
        let names = published.iter().map(|(channel, _)| channel.clone());
        let names = names.collect();
        for (channel, answered) in published {
            answered.send(answer(&channel)).expect("somebody waits");
        }
        // Until the answers were taken.
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
        names
    }
}

#[tokio::test(start_paused = true)]
async fn what_waits_goes_out_once_in_order_and_before_newer() {
    let bed = Bed::new(1 << 20);
    for channel in ["a", "b"] {
        bed.send(channel, 10).await.unwrap();
    }
    assert!(bed.published(|_| Ok(1)).await.is_empty());
    bed.outgoing.open().await;
    bed.send("c", 10).await.unwrap();
    assert_eq!(bed.published(|_| Ok(1)).await, ["a", "b", "c"]);
    bed.outgoing.close();
    bed.outgoing.open().await;
    assert!(bed.published(|_| Ok(1)).await.is_empty());
    assert_eq!(bed.numbers.published.get(), 3);
    assert_eq!(bed.outgoing.queued_bytes(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_refuses_at_once_and_a_place_that_is_given_up_is_free() {
    let bed = Bed::new(1_000);
    bed.send("large", 5_000).await.expect("the queue was empty");
    let refused = bed.send("b", 10).await;
    assert_eq!(refused, Err(BackplaneError::QueueFull));
    assert_eq!(bed.numbers.refused.get(), 1);
    bed.outgoing.open().await;
    assert_eq!(bed.published(|_| Ok(1)).await, ["large"]);
    bed.outgoing.close();
    let place = bed.outgoing.reserve(800, 1).await.unwrap();
    assert!(bed.send("b", 10).await.is_err());
    drop(place);
    bed.send("b", 10).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_waited_too_long_is_dropped_and_counted() {
    let bed = Bed::new(1 << 20);
    bed.send("old", 10).await.unwrap();
    advance(Duration::from_secs(20)).await;
    bed.send("young", 10).await.unwrap();
    advance(Duration::from_secs(15)).await;
    bed.outgoing.open().await;
    assert_eq!(bed.published(|_| Ok(1)).await, ["young"]);
    assert_eq!(bed.numbers.expired.get(), 1);
    assert_eq!(bed.outgoing.queued_bytes(), 0);
}

#[tokio::test(start_paused = true)]
async fn only_what_was_certainly_not_sent_is_sent_again() {
    let bed = Bed::new(1 << 20);
    bed.outgoing.open().await;
    for channel in ["sent", "unsent 1", "unsent 2", "refused"] {
        bed.send(channel, 10).await.unwrap();
    }
    bed.published(|channel| match channel {
        "sent" => Err(RedisError::Interrupted),
        "refused" => Err(RedisError::Refused("NOPERM".into())),
        _ => Err(RedisError::Unavailable),
    })
    .await;
    assert!(bed.outgoing.open_since().is_none());
    bed.send("newer", 10).await.unwrap();
    bed.outgoing.open().await;
    let again = bed.published(|_| Ok(1)).await;
    assert_eq!(again, ["unsent 1", "unsent 2", "newer"]);
    assert_eq!(bed.numbers.uncertain.get(), 1);
    assert_eq!(bed.numbers.rejected.get(), 1);
    assert_eq!(bed.outgoing.queued_bytes(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_busy_way_lets_senders_wait_and_a_closed_one_does_not() {
    let bed = Bed::new(1_000);
    bed.outgoing.open().await;
    bed.send("large", IN_FLIGHT_BYTES).await.unwrap();
    let mut second = Box::pin(bed.send("second", 10));
    assert!(poll!(&mut second).is_pending());
    assert_eq!(bed.published(|_| Ok(1)).await, ["large"]);
    assert_eq!(second.await, Ok(()));
    assert_eq!(bed.published(|_| Ok(1)).await, ["second"]);
    bed.send("large", IN_FLIGHT_BYTES).await.unwrap();
    let mut third = Box::pin(bed.send("third", 10));
    assert!(poll!(&mut third).is_pending());
    bed.outgoing.close();
    assert_eq!(third.await, Err(BackplaneError::QueueFull));
}

#[tokio::test(start_paused = true)]
async fn more_than_may_be_on_its_way_goes_out_piece_by_piece() {
    let bed = Bed::new(usize::MAX);
    for channel in ["a", "b", "c"] {
        bed.send(channel, IN_FLIGHT_BYTES / 2 + 1).await.unwrap();
    }
    let outgoing = bed.outgoing.clone();
    let opening = tokio::spawn(async move { outgoing.open().await });
    tokio::task::yield_now().await;
    assert_eq!(bed.published(|_| Ok(1)).await, ["a", "b"]);
    assert_eq!(bed.published(|_| Ok(1)).await, ["c"]);
    opening.await.unwrap();
    assert!(bed.outgoing.open_since().is_some());
}

#[tokio::test(start_paused = true)]
async fn a_redis_that_does_not_answer_is_given_no_more_until_it_does() {
    let bed = Bed::new(1 << 20);
    bed.outgoing.open().await;
    bed.send("a", 10).await.unwrap();
    advance(Duration::from_millis(200)).await;
    bed.send("b", 10).await.unwrap();
    advance(Duration::from_millis(100)).await;
    bed.send("c", 10).await.unwrap();
    bed.send("d", 10).await.unwrap();
    assert_eq!(bed.published(|_| Ok(1)).await, ["a", "b"]);
    bed.send("e", 10).await.unwrap();
    assert_eq!(bed.published(|_| Ok(1)).await, ["c", "d", "e"]);

    // It dies meanwhile: only what it had is uncertain.
    bed.send("lost", 10).await.unwrap();
    advance(Duration::from_millis(300)).await;
    bed.send("f", 10).await.unwrap();
    let lost = bed.published(|_| Err(RedisError::Interrupted)).await;
    assert_eq!(lost, ["lost"]);
    assert_eq!(bed.published(|_| Err(RedisError::Unavailable)).await, ["f"]);
    bed.send("g", 10).await.unwrap();
    bed.outgoing.open().await;
    assert_eq!(bed.published(|_| Ok(1)).await, ["f", "g"]);
    assert_eq!(bed.numbers.uncertain.get(), 1);
    assert_eq!(bed.outgoing.queued_bytes(), 0);
}

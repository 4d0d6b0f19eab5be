//! What others append to followed logs, as it comes on this instance's channel.

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use serde_bytes::ByteBuf;
use tokio::sync::watch;

use super::frame;
use crate::eventlog::{Epoch, Event, Fed, LogName};
use crate::redis::{Received, RedisService, State};

/// Log, epoch, whether it has ended, frames.
type Record = (String, String, u8, Vec<ByteBuf>);

/// An instance's channel, without the prefix that the service puts before it.
pub fn channel(redis: &RedisService, instance: &str) -> String {
    let key = redis.key(&format!("log:feed:{instance}"));
    key[redis.prefix().len()..].to_owned()
}

pub fn stream(redis: &RedisService, me: &str) -> BoxStream<'static, Fed> {
    let (subscriber, mut receiver) = redis.pub_sub().subscriber();
    let channel = channel(redis, me);
    async_stream::stream! {
        subscriber.subscribe(vec![channel]).await;
        // What was appended before the channel was there was not fed.
        yield Fed::Lost;
        while let Some(received) = receiver.recv().await {
            match received {
                Received::Message { payload, .. } => match read(&payload) {
                    Some(records) => {
                        for fed in records {
                            yield fed;
                        }
                    }
                    None => {
                        tracing::warn!("what was fed cannot be read");
                        yield Fed::Lost;
                    }
                },
                Received::Lost(_) => yield Fed::Lost,
            }
        }
    }
    .boxed()
}

/// Counts the moments in which Redis, with all its subscriptions, came back.
pub fn returns(redis: &RedisService) -> watch::Receiver<u64> {
    let (count, counted) = watch::channel(0);
    let mut state = redis.watch();
    redis.spawn(async move {
        let mut was_up = false;
        loop {
            let is_up = *state.borrow_and_update() == State::Up;
            if is_up && !was_up {
                count.send_modify(|count| *count += 1);
            }
            was_up = is_up;
            tokio::select! {
                changed = state.changed() => if changed.is_err() { return },
                () = count.closed() => return,
            }
        }
    });
    counted
}

fn read(payload: &Bytes) -> Option<Vec<Fed>> {
    let records: Vec<Record> = rmp_serde::from_slice(payload).ok()?;
    let fed = records.into_iter().map(|(log, epoch, ended, frames)| {
        let decode = |frame: ByteBuf| frame::decode(&Bytes::from(frame.into_vec()));
        let events: Option<Vec<Event>> = frames.into_iter().map(decode).collect();
        Some(Fed::Events {
            log: LogName::from(log.as_str()),
            epoch: Epoch::from(epoch.as_str()),
            events: events?,
            ended: ended == 1,
        })
    });
    fed.collect()
}

//! Publish and subscribe while Redis is well.

use bytes::Bytes;
use managing_api::redis::{Received, Subscribed};

use super::{LIMIT, connected};
use crate::support::{redis::RedisServer, scale, turn, within};

/// A confirmed subscription receives whatever is published from then on.
#[tokio::test]
async fn nothing_published_after_a_confirmed_subscription_is_lost() {
    let _turn = turn::beside_others();
    let Some(server) = RedisServer::start(&[]).await else {
        return;
    };
    let here = connected(&server).await;
    let there = connected(&server).await;
    let (subscriber, mut receiver) = here.pub_sub().subscriber();
    for round in 0..scale(300, 2_000) {
        let channel = format!("race:{round}");
        let subscribed = subscriber.subscribe(vec![channel.clone()]).await;
        assert_eq!(subscribed, Subscribed::Confirmed);
        let receivers = there
            .pub_sub()
            .publish(&channel, Bytes::from_static(b"now"));
        assert_eq!(receivers.await, Ok(1), "round {round}");
        let received = within(LIMIT, "a message", receiver.recv()).await;
        let expected = Received::Message {
            channel: channel.as_str().into(),
            payload: Bytes::from_static(b"now"),
        };
        assert_eq!(received, Ok(Some(expected)));
    }
}

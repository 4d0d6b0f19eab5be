//! Redis is absent, dies, freezes, comes back: nobody is closed, and what is answered is true.

use std::time::{Duration, Instant};

use serde_json::json;

use super::{
    Fleet,
    client::{BOTH, Client},
    traffic::calls,
};
use crate::support::{hub_client::PATIENCE, within};

/// What is answered without Redis is answered at once; a busy machine may need some time.
const AT_ONCE: Duration = Duration::from_secs(2);

/// Two members on A, of whom the first publishes, and one on B.
async fn members(fleet: &Fleet) -> [Client; 3] {
    let mut members = [
        Client::connect(fleet.a, BOTH[0], "").await,
        Client::connect(fleet.a, BOTH[1], "").await,
        Client::connect(fleet.b, BOTH[0], "").await,
    ];
    for member in &mut members {
        member.done("Join", json!(["g"])).await;
    }
    members
}

/// The same, once each instance has counted the others.
async fn acquainted(fleet: &mut Fleet) -> [Client; 3] {
    let mut members = members(fleet).await;
    for client in [2, 0] {
        members[client].done("ToGroup", json!(["g", "ready"])).await;
        for member in &mut members {
            assert_eq!(member.text().await, "ready");
        }
    }
    let counted = async {
        let before = calls(fleet.redis(), "pubsub|numsub").await;
        while calls(fleet.redis(), "pubsub|numsub").await < before + 4 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    within(PATIENCE, "instances are counted", counted)
        .await
        .unwrap();
    members
}

/// Waits until every instance knows that Redis is away. What it sent before may have been on its
/// way; from then on everything waits.
async fn noticed(fleet: &Fleet) {
    let noticed = async {
        let line = "Messages to other instances wait for Redis";
        while !fleet
            .servers
            .iter()
            .all(|server| server.log_tail().contains(line))
        {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    within(PATIENCE, "the outage is noticed", noticed)
        .await
        .unwrap();
}

/// Sends to the group as soon as there is room; what came to B's member before.
async fn reunited(publisher: &mut Client, there: &mut Client) -> Vec<String> {
    let sending = async {
        while publisher
            .call("ToGroup", json!(["g", "back"]))
            .await
            .is_err()
        {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    within(PATIENCE, "room in the queue", sending)
        .await
        .unwrap();
    there.texts_until(&["back"]).await
}

#[tokio::test]
async fn while_redis_is_dead_members_here_are_served_and_the_others_are_told_later() {
    let Some(mut fleet) = Fleet::over_redis_with(&[("LOG", "managing_api=warn")]).await else {
        return;
    };
    let [mut publisher, mut here, mut there] = acquainted(&mut fleet).await;
    fleet.redis().kill();
    noticed(&fleet).await;
    for number in 0..20 {
        let begin = Instant::now();
        publisher
            .done("ToGroup", json!(["g", format!("{number:02}")]))
            .await;
        assert!(begin.elapsed() < AT_ONCE);
        assert_eq!(here.text().await, format!("{number:02}"));
    }
    // Joins and new clients too.
    let mut new = Client::connect(fleet.b, BOTH[1], "").await;
    new.done("Join", json!(["g"])).await;
    fleet.redis().restart().await;
    let missed: Vec<String> = (0..20).map(|number| format!("{number:02}")).collect();
    assert_eq!(reunited(&mut publisher, &mut there).await, missed);
    assert_eq!(new.texts_until(&["back"]).await, missed);
    for client in [&mut publisher, &mut here, &mut there, &mut new] {
        client.assert_open().await;
    }
}

#[tokio::test]
async fn a_send_that_does_not_fit_fails_and_nobody_gets_it() {
    let options = [("QUEUE_BYTES", "4000"), ("LOG", "managing_api=warn")];
    let Some(mut fleet) = Fleet::over_redis_with(&options).await else {
        return;
    };
    let [mut publisher, mut here, mut there] = acquainted(&mut fleet).await;
    fleet.redis().kill();
    noticed(&fleet).await;
    let (mut sent, mut refused) = (Vec::new(), 0);
    for number in 0..40 {
        let text = format!("{number:02}");
        match publisher.call("ToGroup", json!(["g", text])).await {
            Ok(_) => sent.push(text),
            Err(error) => {
                assert!(
                    error.contains("queue to the other instances is full"),
                    "{error}"
                );
                refused += 1;
            }
        }
    }
    assert!(!sent.is_empty() && refused > 0, "{sent:?}");
    fleet.redis().restart().await;
    let came = reunited(&mut publisher, &mut there).await;
    assert_eq!(came, sent);
    assert_eq!(here.texts_until(&["back"]).await, sent);
}

#[tokio::test]
async fn what_waits_too_long_is_not_delivered_late() {
    let options = [("QUEUE_MS", "1")];
    let Some(mut fleet) = Fleet::over_redis_with(&options).await else {
        return;
    };
    let [mut publisher, mut here, mut there] = acquainted(&mut fleet).await;
    fleet.redis().kill();
    for text in ["1", "2"] {
        publisher.done("ToGroup", json!(["g", text])).await;
        assert_eq!(here.text().await, text);
    }
    fleet.redis().restart().await;
    // "back" may wait too long as well, until the way is open.
    let mut tries = 0;
    let came = loop {
        tries += 1;
        let text = format!("back {tries}");
        publisher.done("ToGroup", json!(["g", text])).await;
        let arrived = tokio::time::timeout(Duration::from_millis(200), there.text());
        if let Ok(text) = arrived.await {
            break text;
        }
        assert!(tries < 100, "nothing arrives any more");
    };
    assert!(came.starts_with("back"), "{came}");
}

#[tokio::test]
async fn a_frozen_redis_delays_nobody_here() {
    let Some(mut fleet) = Fleet::over_redis().await else {
        return;
    };
    let [mut publisher, mut here, mut there] = acquainted(&mut fleet).await;
    fleet.redis().freeze();
    for number in 0..20 {
        let begin = Instant::now();
        publisher
            .done("ToGroup", json!(["g", number.to_string()]))
            .await;
        assert_eq!(here.text().await, number.to_string());
        assert!(begin.elapsed() < AT_ONCE);
    }
    fleet.redis().thaw();
    let came = reunited(&mut publisher, &mut there).await;
    let mut once = came.clone();
    once.dedup();
    assert_eq!(once, came, "something came twice");
}

#[tokio::test]
async fn an_instance_that_starts_without_redis_joins_the_fleet_when_it_comes() {
    let Some(mut fleet) = Fleet::without_redis_yet().await else {
        return;
    };
    let [mut publisher, mut here, mut there] = members(&fleet).await;
    publisher.done("ToGroup", json!(["g", "waits"])).await;
    assert_eq!(here.text().await, "waits");
    let mut caller = Client::connect(fleet.a, BOTH[0], "").await;
    let error = caller.call("AskConnection", json!([there.id, "?"])).await;
    let error = error.unwrap_err();
    assert!(error.contains("cannot be reached"), "{error}");
    fleet.redis().restart().await;
    assert_eq!(reunited(&mut publisher, &mut there).await, ["waits"]);
    let call = caller.begin("AskConnection", json!([there.id, "?"])).await;
    let (id, _) = there.question().await;
    there.answer(&id, Ok("here")).await;
    assert_eq!(caller.end(&call).await, Ok(json!("here")));
}

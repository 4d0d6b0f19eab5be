//! Producers that speak HTTP to whatever instance they meet.

use super::*;

const JSON: (&str, &str) = ("Content-Type", "application/json");

#[tokio::test]
async fn reports_over_http_to_any_instance_make_one_log() {
    let Some(fleet) = Fleet::start(3).await else {
        return;
    };
    let mut viewer = fleet.bots(1, "viewer").await;
    viewer.invoke("SubscribeBots", json!([{}])).await;
    let mut epoch = Value::Null;
    for n in 1..=30 {
        let instance = &fleet.instances[n % 3];
        let event = trade(&format!("t{n}")).to_string();
        let (status, receipt) = http::ask(instance, "POST", "bots/b/events", &[JSON], &event).await;
        assert_eq!((status, &receipt["seqs"]), (202, &json!([n])), "{receipt}");
        assert!(epoch.is_null() || epoch == receipt["epoch"]);
        epoch = receipt["epoch"].clone();
        let seq = shown(&mut viewer, &format!("t{n}")).await;
        assert_eq!(seq, n as u64);
    }
    let bad = json!({"type": "Nonsense"}).to_string();
    for instance in &fleet.instances {
        let (status, refused) = http::ask(instance, "POST", "bots/b/events", &[JSON], &bad).await;
        assert_eq!((status, &refused["code"]), (400, &json!("invalid_request")));
    }
    let (_, list) = http::ask(&fleet.instances[2], "GET", "bots", &[], "").await;
    assert_eq!(list.as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn a_repeated_key_has_the_first_answer_on_every_instance_even_after_the_writers_death() {
    let Some(mut fleet) = Fleet::start(3).await else {
        return;
    };
    let keyed = [JSON, ("Idempotency-Key", "k1")];
    let event = trade("t1").to_string();
    let path = "bots/b/events";
    let (_, first) = http::ask(&fleet.instances[0], "POST", path, &keyed, &event).await;
    assert_eq!(first["seqs"], json!([1]), "{first}");
    for instance in &fleet.instances {
        let again = http::ask(instance, "POST", path, &keyed, &event).await;
        assert_eq!(again, (202, first.clone()));
        let (status, conflict) = http::ask(instance, "POST", path, &keyed, "[]").await;
        assert_eq!(
            (status, &conflict["code"]),
            (409, &json!("idempotency_conflict"))
        );
    }
    drop(fleet.instances.remove(0));
    let again = http::ask(&fleet.instances[0], "POST", path, &keyed, &event).await;
    assert_eq!(again, (202, first.clone()), "after the writer died");
    let again = http::ask(&fleet.instances[1], "POST", path, &keyed, &event).await;
    assert_eq!(again, (202, first));
    let mut viewer = fleet.bots(1, "viewer").await;
    assert_eq!(trades(&mut viewer, "b").await, ["t1"]);
}

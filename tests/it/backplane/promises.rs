//! What holds for clients on any instances.

use serde_json::json;

use super::{
    Fleet,
    client::{BOTH, Client},
};

macro_rules! promises {
    ($($name:ident),* $(,)?) => {
        mod of_one_instance {
            $(#[tokio::test] async fn $name() {
                let fleet = super::Fleet::alone().expect("one instance needs nothing");
                super::$name(&fleet).await;
            })*
        }
        mod over_redis {
            $(#[tokio::test] async fn $name() {
                if let Some(fleet) = super::Fleet::over_redis().await {
                    super::$name(&fleet).await;
                }
            })*
        }
        mod to_the_reference {
            $(#[tokio::test] async fn $name() {
                if let Some(fleet) = super::Fleet::mixed(true).await {
                    super::$name(&fleet).await;
                }
            })*
        }
        mod from_the_reference {
            $(#[tokio::test] async fn $name() {
                if let Some(fleet) = super::Fleet::mixed(false).await {
                    super::$name(&fleet).await;
                }
            })*
        }
    };
}

promises!(
    every_selector_reaches_whom_it_means,
    one_publishers_messages_keep_their_order,
    groups_of_any_connection_can_be_changed,
    joins_and_leaves_end_as_the_last_one_says,
    any_client_can_be_asked,
    a_question_ends_when_the_client_leaves,
    a_foreign_answer_closes_who_gave_it_and_leaves_the_question_open,
);

/// Four receivers, of each protocol on each instance: `[a json, a messagepack, b …, b …]`.
async fn receivers(fleet: &Fleet) -> Vec<Client> {
    let mut receivers = Vec::new();
    receivers.extend(Client::pair(fleet.a, "user=ann").await);
    receivers.extend(Client::pair(fleet.b, "user=bob").await);
    receivers
}

async fn every_selector_reaches_whom_it_means(fleet: &Fleet) {
    let mut receivers = receivers(fleet).await;
    for (receiver, groups) in receivers
        .iter_mut()
        .zip([&["g"][..], &["h"], &["g", "h"], &[]])
    {
        for group in groups {
            receiver.done("Join", json!([group])).await;
        }
    }
    let ids: Vec<String> = receivers.iter().map(|it| it.id.clone()).collect();
    let mut publisher = Client::connect(fleet.a, BOTH[0], "user=pat").await;
    publisher.done("Join", json!(["g"])).await;
    for (method, arguments) in [
        ("ToAll", json!(["all"])),
        ("ToOthers", json!(["others"])),
        ("ToAllExcept", json!(["all but two", [ids[1], ids[2]]])),
        ("ToAll", json!(["end of all"])),
        ("ToGroup", json!(["g", "group"])),
        ("ToOthersInGroup", json!(["g", "others in group"])),
        ("ToGroupExcept", json!(["g", "group but one", [ids[2]]])),
        ("ToGroups", json!([["g", "h", ""], "groups"])),
        ("ToGroup", json!(["g", "end of g"])),
        ("ToGroup", json!(["h", "end of h"])),
        ("ToUser", json!(["ann", "user"])),
        ("ToUsers", json!([["ann", "bob", "nobody"], "users"])),
        ("ToUsers", json!([["ann", "bob"], "end of users"])),
        ("ToConnection", json!([ids[3], "connection"])),
        (
            "ToConnections",
            json!([[ids[0], ids[3], "unknown"], "connections"]),
        ),
        ("ToConnections", json!([ids, "end of connections"])),
    ] {
        publisher.done(method, arguments).await;
    }
    let (all, users) = ("end of all", "end of users");
    let (g, h, connections) = ("end of g", "end of h", "end of connections");
    let expected: [(&[&str], &[&str]); 4] = [
        (
            &[all, g, users, connections],
            &[
                "all",
                "all but two",
                "connections",
                "group",
                "group but one",
                "groups",
                "others",
                "others in group",
                "user",
                "users",
            ],
        ),
        (
            &[all, h, users, connections],
            &["all", "groups", "others", "user", "users"],
        ),
        (
            &[all, g, h, users, connections],
            &[
                "all",
                "group",
                "groups",
                "groups",
                "others",
                "others in group",
                "users",
            ],
        ),
        (
            &[all, users, connections],
            &[
                "all",
                "all but two",
                "connection",
                "connections",
                "others",
                "users",
            ],
        ),
    ];
    for (receiver, (ends, texts)) in receivers.iter_mut().zip(expected) {
        assert_eq!(receiver.texts_until(ends).await, texts);
    }
    let own = publisher.texts_until(&[all, g]).await;
    assert_eq!(
        own,
        ["all", "all but two", "group", "group but one", "groups"]
    );
}

async fn one_publishers_messages_keep_their_order(fleet: &Fleet) {
    const COUNT: usize = 300;
    let mut receivers = receivers(fleet).await;
    for receiver in &mut receivers {
        receiver.done("Join", json!(["order"])).await;
    }
    let mut publisher = Client::connect(fleet.a, BOTH[0], "").await;
    for number in 0..COUNT {
        publisher
            .done("ToGroup", json!(["order", number.to_string()]))
            .await;
    }
    for receiver in &mut receivers {
        for number in 0..COUNT {
            assert_eq!(receiver.text().await, number.to_string());
        }
    }
}

async fn groups_of_any_connection_can_be_changed(fleet: &Fleet) {
    let mut caller = Client::connect(fleet.a, BOTH[0], "").await;
    for mut member in Client::pair(fleet.b, "").await {
        let group = format!("room of {}", member.id);
        for _ in 0..2 {
            caller.done("JoinOther", json!([member.id, group])).await;
        }
        caller.done("ToGroup", json!([group, "joined"])).await;
        assert_eq!(member.text().await, "joined");
        caller.done("LeaveOther", json!([member.id, group])).await;
        caller.done("ToGroup", json!([group, "left"])).await;
        caller.done("JoinOther", json!([member.id, group])).await;
        caller.done("ToGroup", json!([group, "joined again"])).await;
        assert_eq!(member.text().await, "joined again");
    }
}

async fn joins_and_leaves_end_as_the_last_one_says(fleet: &Fleet) {
    let mut publisher = Client::connect(fleet.a, BOTH[0], "").await;
    let mut member = Client::connect(fleet.b, BOTH[0], "").await;
    for round in 0..10 {
        for _ in 0..5 {
            member.done("Join", json!(["race"])).await;
            member.done("Leave", json!(["race"])).await;
        }
        member.done("Join", json!(["race"])).await;
        let text = round.to_string();
        publisher.done("ToGroup", json!(["race", text])).await;
        assert_eq!(member.text().await, text);
        member.done("Leave", json!(["race"])).await;
    }
}

async fn any_client_can_be_asked(fleet: &Fleet) {
    let mut callers = [
        Client::connect(fleet.a, BOTH[0], "").await,
        Client::connect(fleet.b, BOTH[1], "").await,
    ];
    for mut asked in Client::pair(fleet.b, "").await {
        for caller in &mut callers {
            let call = caller
                .begin("AskConnection", json!([asked.id, "name?"]))
                .await;
            let (id, question) = asked.question().await;
            assert_eq!(question, "name?");
            asked.answer(&id, Ok("ünï")).await;
            assert_eq!(caller.end(&call).await, Ok(json!("ünï")));

            let call = caller
                .begin("AskConnection", json!([asked.id, "secret?"]))
                .await;
            let (id, _) = asked.question().await;
            asked.answer(&id, Err("not telling")).await;
            let error = caller.end(&call).await.unwrap_err();
            assert!(error.ends_with("HubException: not telling"), "{error}");
        }
    }
    let unknown = callers[0]
        .call("AskConnection", json!(["nobody", "?"]))
        .await;
    let error = unknown.unwrap_err();
    assert!(
        error.contains("Connection 'nobody' does not exist."),
        "{error}"
    );
}

async fn a_question_ends_when_the_client_leaves(fleet: &Fleet) {
    let mut caller = Client::connect(fleet.a, BOTH[0], "").await;
    for mut asked in Client::pair(fleet.b, "").await {
        let call = caller.begin("AskConnection", json!([asked.id, "?"])).await;
        asked.question().await;
        drop(asked);
        let error = caller.end(&call).await.unwrap_err();
        assert!(error.contains("disconnected."), "{error}");
    }
}

async fn a_foreign_answer_closes_who_gave_it_and_leaves_the_question_open(fleet: &Fleet) {
    let mut caller = Client::connect(fleet.a, BOTH[0], "").await;
    for address in [fleet.a, fleet.b] {
        let mut asked = Client::connect(fleet.b, BOTH[1], "").await;
        let mut stranger = Client::connect(address, BOTH[0], "").await;
        let call = caller.begin("AskConnection", json!([asked.id, "?"])).await;
        let (id, _) = asked.question().await;
        stranger.answer(&id, Ok("mine")).await;
        stranger.closed().await;
        asked.answer(&id, Ok("its own")).await;
        assert_eq!(caller.end(&call).await, Ok(json!("its own")));
    }
}

//! Instances of the program, a tab of a user, and what a tab is shown.

use std::net::{Ipv4Addr, SocketAddr};

use serde_json::{Value, json};

use crate::program::process::Program;
use crate::support::hub_client::{HubClient, Received};

/// One instance. Killed when dropped.
pub struct Instance {
    program: Program,
}

impl Instance {
    pub fn start(variables: &[(&str, &str)]) -> Self {
        let mut all = vec![("APP_ENVIRONMENT", "Development")];
        all.extend_from_slice(variables);
        Self {
            program: Program::start(&all),
        }
    }

    pub fn address(&self) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.program.port()))
    }

    /// `SIGTERM`, to its good end.
    pub fn stop(self) {
        self.program.stop();
    }

    pub fn get(&self, path: &str) -> (u16, String) {
        self.program.get(path)
    }

    pub async fn connect(&self, user: &str) -> HubClient {
        HubClient::connect_to(self.address(), &format!("/llmhub?user={user}")).await
    }
}

/// The `ChatEvent`s up to the end of a run.
pub async fn chat_events(client: &mut HubClient) -> Vec<Value> {
    let mut events = Vec::new();
    loop {
        let event = client.next_call("ChatEvent").await[0].clone();
        let is_last = event["type"] == "run.finished";
        events.push(event);
        if is_last {
            return events;
        }
    }
}

/// The `ChatEvent`s of one run up to its end; those of others are passed over.
pub async fn events_of(client: &mut HubClient, started: &Value) -> Vec<Value> {
    loop {
        let events = chat_events(client).await;
        let of_run = events.into_iter();
        let of_run: Vec<_> = of_run
            .filter(|it| it["runId"] == started["runId"])
            .collect();
        if !of_run.is_empty() {
            return of_run;
        }
    }
}

/// The next item of a stream; what comes besides is passed over.
pub async fn stream_item(client: &mut HubClient) -> Value {
    loop {
        match client.next().await {
            Received::Message(value) if value["type"] == 2 => return value["item"].clone(),
            Received::Message(value) => assert_ne!(value["type"], 3, "{value}"),
            Received::Closed { code } => panic!("closed with {code}"),
        }
    }
}

/// The items of a stream, to its completion; nothing else may tell of the run.
pub async fn stream_items(client: &mut HubClient, id: &str) -> Vec<Value> {
    let mut items = Vec::new();
    loop {
        match client.next().await {
            Received::Message(value) if value["type"] == 2 && value["invocationId"] == id => {
                items.push(value["item"].clone());
            }
            Received::Message(value) if value["type"] == 3 && value["invocationId"] == id => {
                assert!(value.get("error").is_none(), "{value}");
                return items;
            }
            Received::Message(value) => assert_ne!(value["target"], "ChatEvent", "{value}"),
            Received::Closed { code } => panic!("closed with {code}"),
        }
    }
}

pub async fn begin_stream(client: &mut HubClient, id: &str, target: &str, argument: Value) {
    let message = json!({"type": 4, "invocationId": id, "target": target, "arguments": [argument]});
    client.send_message(&message).await;
}

/// The text of all deltas; a snapshot stands for everything before it.
pub fn text(events: &[Value]) -> String {
    let mut text = String::new();
    for event in events {
        match event["type"].as_str() {
            Some("snapshot") => event["text"]
                .as_str()
                .unwrap_or_default()
                .clone_into(&mut text),
            Some("text.delta") => text += event["text"].as_str().unwrap_or_default(),
            _ => {}
        }
    }
    text
}

/// What the built-in assistant answers to `count to N`.
pub fn numbers(up_to: usize) -> String {
    let numbers: Vec<_> = (1..=up_to).map(|number| number.to_string()).collect();
    numbers.join(" ")
}

pub fn assert_gapless(events: &[Value], first: u64) {
    let expected = (first..).take(events.len());
    assert!(
        events
            .iter()
            .map(|event| event["seq"].as_u64().unwrap_or(0))
            .eq(expected),
        "{events:#?}"
    );
}

/// The error object of a failed call.
pub fn problem(completion: &Value) -> Value {
    let error = completion["error"].as_str().expect("an error");
    let object = &error[error.find('{').expect("an object")..];
    serde_json::from_str(object).expect("JSON")
}

/// Its code.
pub fn code(completion: &Value) -> String {
    let problem = problem(completion);
    problem["code"].as_str().expect("a code").to_owned()
}

pub fn borrowed(settings: &[(String, String)]) -> Vec<(&str, &str)> {
    let both = settings.iter();
    both.map(|(name, value)| (name.as_str(), value.as_str()))
        .collect()
}

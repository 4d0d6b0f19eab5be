//! One user's answer: asked for, followed by tabs that come and go, perhaps cancelled.

use std::time::Duration;

use rand::RngExt as _;
use rand::rngs::StdRng;
use serde_json::{Value, json};
use tokio::time::sleep;

use super::World;
use super::tab::{Gone, Tab};
use super::view::View;
use crate::chat::client::code;
use crate::chat::upstream::request;

/// What one user has seen, and what the provider says in full.
pub struct Story {
    pub user: String,
    pub started: Value,
    pub whole: String,
    pub shown: String,
}

/// One user's answer, from asking to its end.
pub async fn tell(world: &World, name: String, mut random: StdRng) -> Story {
    let words = random.random_range(20..150);
    let (content, whole) = request(words, &format!("w{name}-"), random.random_range(5..40));
    let user = format!("user-{name}");
    let asked = json!({"content": content, "clientMessageId": "k", "model": "m"});
    let mut tab = world.tab(&user, &mut random).await;
    let started = ask(world, &mut tab, &user, &mut random, "SendMessage", asked).await;
    let will_cancel = random.random_bool(0.3);
    let mut shown = String::new();
    let mut view = View::default();
    // The answer to a repeated request may have come on another connection: look from the start.
    let mut reload = true;
    while !view.is_over {
        if reload {
            keep_longest(&mut shown, &view.text);
            (tab, view) = open(world, &user, &started, &mut random).await;
            reload = false;
            continue;
        }
        match random.random_range(0..100) {
            0..3 => reload = true,
            3..5 if will_cancel => {
                let cancel = json!({"runId": started["runId"]});
                match tab.call("CancelRun", cancel).await {
                    Ok(completion) => assert_cancelled(&completion),
                    Err(Gone) => reload = true,
                }
            }
            _ => match tab.event().await {
                Ok(event) => view.take(&event, &started["runId"]),
                Err(Gone) => reload = true,
            },
        }
    }
    keep_longest(&mut shown, &view.text);
    Story {
        user,
        started,
        whole,
        shown,
    }
}

fn assert_cancelled(completion: &Value) {
    if completion.get("error").is_some() {
        assert_eq!(code(completion), "store_unavailable", "{completion}");
        return;
    }
    let state = completion["result"]["state"].as_str();
    assert!(
        matches!(state, Some("cancelling" | "cancelled" | "finished")),
        "{completion}"
    );
}

fn keep_longest(shown: &mut String, text: &str) {
    assert!(
        shown.starts_with(text) || text.starts_with(shown.as_str()),
        "two histories"
    );
    if text.len() > shown.len() {
        text.clone_into(shown);
    }
}

/// A tab that comes anew and follows the run, by opening the conversation or by a stream.
async fn open(world: &World, user: &str, started: &Value, random: &mut StdRng) -> (Tab, View) {
    let mut tab = world.tab(user, random).await;
    if random.random_bool(0.3) {
        let resume = json!({"runId": started["runId"], "afterSeq": 0});
        // A store that is away, or an instance that dies, ends the stream; then it is tried again.
        if tab.stream("ResumeRun", resume).await.is_ok() {
            return (tab, View::default());
        }
    }
    let open = json!({"conversationId": started["conversationId"]});
    let completion = ask(world, &mut tab, user, random, "OpenConversation", open).await;
    let run = &completion["activeRun"];
    let view = match run.is_null() {
        false => View {
            seq: run["lastSeq"].as_u64().expect("a number"),
            text: run["text"].as_str().expect("a text").to_owned(),
            is_over: false,
        },
        true => View {
            seq: 0,
            text: completion["messages"][1]["content"]
                .as_str()
                .unwrap_or_default()
                .to_owned(),
            is_over: true,
        },
    };
    (tab, view)
}

/// Calls until there is an answer, on other instances if need be.
pub async fn ask(
    world: &World,
    tab: &mut Tab,
    user: &str,
    random: &mut StdRng,
    target: &str,
    argument: Value,
) -> Value {
    loop {
        match tab.call(target, argument.clone()).await {
            Ok(completion) if completion.get("error").is_none() => {
                return completion["result"].clone();
            }
            Ok(completion) => assert_eq!(code(&completion), "store_unavailable", "{completion}"),
            Err(Gone) => *tab = world.tab(user, random).await,
        }
        sleep(Duration::from_millis(50)).await;
    }
}

//! The embedded database: what a restart must not lose, and a file that cannot be used.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::client::{
    Instance, assert_gapless, begin_stream, chat_events, numbers, stream_items, text,
};
use crate::program::process;

/// A file in a directory of its own, removed at the end.
struct File(PathBuf);

impl File {
    fn new(name: &str) -> Self {
        let directory = format!("managing-api-{name}-{}", std::process::id());
        let directory = std::env::temp_dir().join(directory);
        let _ = fs::remove_dir_all(&directory);
        Self(directory.join("data").join("chat.db"))
    }

    fn path(&self) -> &str {
        self.0.to_str().expect("is text")
    }
}

impl Drop for File {
    fn drop(&mut self) {
        if let Some(directory) = self.0.ancestors().nth(2) {
            let _ = fs::remove_dir_all(directory);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn conversations_outlive_the_process_and_what_was_killed_is_interrupted() {
    let file = File::new("restart");
    let variables = [("Storage__Path", file.path())];
    let instance = Instance::start(&variables);
    let mut tab = instance.connect("ada").await;
    let request = json!([{"content": "count to 12", "clientMessageId": "one"}]);
    let started = tab.invoke("SendMessage", request.clone()).await;
    chat_events(&mut tab).await;
    let cut = tab
        .invoke("SendMessage", json!([{"content": "count to 2000"}]))
        .await;
    // What was said a few seconds ago is in the file, whenever the process is killed.
    let begin = Instant::now();
    let mut shown = String::new();
    while begin.elapsed() < Duration::from_secs(6) {
        shown += &text(&[tab.next_call("ChatEvent").await[0].clone()]);
    }
    drop(instance);

    let instance = Instance::start(&variables);
    let mut tab = instance.connect("ada").await;
    assert_eq!(tab.invoke("SendMessage", request).await, started);
    let list = tab.invoke("ListConversations", json!([{}])).await;
    assert_eq!(list["items"].as_array().map(Vec::len), Some(2));
    let open = json!([{"conversationId": started["conversationId"]}]);
    let opened = tab.invoke("OpenConversation", open).await;
    assert_eq!(opened["messages"][1]["content"], numbers(12));
    let usage = tab.invoke("GetUsage", json!([{}])).await;
    assert_eq!(usage["totals"]["runs"], 1);

    let opened = tab
        .invoke(
            "OpenConversation",
            json!([{"conversationId": cut["conversationId"]}]),
        )
        .await;
    assert_eq!(opened["activeRun"], Value::Null);
    let kept = &opened["messages"][1];
    assert_eq!(kept["finishReason"], "interrupted");
    let content = kept["content"].as_str().expect("a text");
    assert!(numbers(2000).starts_with(content), "{content}");
    assert!(content.len() > shown.len() / 3, "{content}, shown {shown}");
    begin_stream(&mut tab, "r", "ResumeRun", json!({"runId": cut["runId"]})).await;
    let told = stream_items(&mut tab, "r").await;
    assert_eq!(text(&told), content);
    let [snapshot, error, end] = &told[..] else {
        panic!("{told:#?}")
    };
    assert_gapless(
        &[error.clone(), end.clone()],
        snapshot["lastSeq"].as_u64().expect("a number") + 1,
    );
    assert_eq!(error["code"], "interrupted");
    let again = json!([{
        "conversationId": cut["conversationId"],
        "messageId": cut["messageId"],
    }]);
    tab.invoke("Regenerate", again).await;
    assert!(numbers(2000).starts_with(&text(&[tab.next_call("ChatEvent").await[0].clone()])));
    instance.stop();
}

#[test]
fn a_damaged_file_stops_the_start_and_is_left_as_it_is() {
    let file = File::new("damaged");
    fs::create_dir_all(file.0.parent().expect("has a directory")).expect("can be made");
    let damaged = b"this was a database once".repeat(1000);
    fs::write(&file.0, &damaged).expect("can be written");
    let variables = [
        ("APP_ENVIRONMENT", "Development"),
        ("PORT", "0"),
        ("Storage__Path", file.path()),
    ];
    let (output, succeeded) = process::run(&["serve"], &variables);
    assert!(!succeeded, "{output}");
    assert!(
        output.contains(file.path()) && output.contains("damaged"),
        "{output}"
    );
    assert_eq!(fs::read(&file.0).expect("is there"), damaged);
}

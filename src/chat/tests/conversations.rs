//! Conversations: titles, pages, repeats, regenerating, editing, deleting.

use serde_json::{Value, json};

use super::Chat;
use super::upstream::{Step, Upstream, answer, stream_head, text};
use crate::chat::service::{Edit, What};
use crate::chat::store::Started;
use crate::chat::{ConversationId, Message};
use crate::problem::{Code, Problem};

impl Chat {
    async fn finish(&self, started: &Started) -> Vec<Value> {
        self.events_after(&started.run_id, 0).await
    }

    async fn messages(&self, id: &ConversationId) -> Vec<Message> {
        let opened = self.service.open(&self.user, id, None, None).await;
        opened.expect("is there").messages
    }

    async fn edit(&self, request: Value) -> Result<Started, Problem> {
        let request: Edit = serde_json::from_value(request).expect("a request");
        self.service
            .edit(self.user.clone(), true, request, |_| {})
            .await
    }
}

fn texts(messages: &[Message]) -> Vec<&str> {
    messages.iter().map(|message| &*message.content).collect()
}

#[tokio::test]
async fn a_conversation_remembers_and_tells_the_model_what_was_said() {
    let upstream = Upstream::start([answer(&["Hi ", "Ada"]), answer(&["Ada."])]).await;
    let chat = Chat::with(&[&upstream]);
    let started = chat.send(json!({"content": "I am Ada\nsecond line"})).await;
    chat.finish(&started).await;
    let id = started.conversation_id;
    let second = chat
        .send(json!({"content": "Who am I?", "conversationId": id}))
        .await;
    chat.finish(&second).await;

    let told = &upstream.requests()[1].1["messages"];
    assert_eq!(told[0]["role"], "system");
    assert_eq!(
        told[1],
        json!({"role": "user", "content": "I am Ada\nsecond line"})
    );
    assert_eq!(told[2], json!({"role": "assistant", "content": "Hi Ada"}));
    assert!(
        upstream.requests()[0]
            .0
            .contains("authorization: bearer sk-very-secret")
    );

    let opened = chat
        .service
        .open(&chat.user, &id, None, None)
        .await
        .expect("is there");
    assert_eq!(opened.title, "I am Ada");
    let messages = json!(opened.messages);
    assert_eq!(messages[1]["finishReason"], "stop");
    assert_eq!(messages[1]["model"], "m");
    assert_eq!(messages[3]["runId"], *second.run_id);

    let before = &opened.messages[2].message_id;
    let page = chat
        .service
        .open(&chat.user, &id, Some(before), Some(1))
        .await
        .expect("a page");
    assert_eq!(texts(&page.messages), ["Hi Ada"]);
    let told = chat.told.0.lock().unwrap().clone();
    assert_eq!(told[..2], [What::Created, What::RunStarted]);
    assert!(told.contains(&What::RunFinished) && told.contains(&What::Messages));
}

#[tokio::test]
async fn a_repeated_request_gets_the_first_answer_and_another_content_is_a_conflict() {
    let upstream = Upstream::start([answer(&["Hi"])]).await;
    let chat = Chat::with(&[&upstream]);
    let request = json!({"content": "Hello", "clientMessageId": "1"});
    let first = chat.send(request.clone()).await;
    assert_eq!(chat.send(request.clone()).await, first);
    chat.finish(&first).await;
    assert_eq!(chat.send(request).await, first);
    let other = chat
        .try_send(json!({"content": "Bye", "clientMessageId": "1"}))
        .await;
    assert_eq!(
        other.expect_err("a conflict").code,
        Code::IdempotencyConflict
    );
    assert_eq!(upstream.requests().len(), 1);
}

#[tokio::test]
async fn regenerating_and_editing_remove_what_came_after() {
    let words = [["one"], ["two"], ["three"], ["four"]];
    let upstream = Upstream::start(words.iter().map(|words| answer(words))).await;
    let chat = Chat::with(&[&upstream]);
    let first = chat.send(json!({"content": "a"})).await;
    chat.finish(&first).await;
    let id = first.conversation_id.clone();
    let second = chat
        .send(json!({"content": "b", "conversationId": id}))
        .await;
    chat.finish(&second).await;

    let again = json!({"conversationId": id, "messageId": first.message_id});
    let third = chat.edit(again).await.expect("is accepted");
    chat.finish(&third).await;
    assert_eq!(third.user_message_id, first.user_message_id);
    assert_ne!(third.message_id, first.message_id);
    assert_eq!(texts(&chat.messages(&id).await), ["a", "three"]);

    let edit = json!({"conversationId": id, "messageId": first.user_message_id, "content": "A"});
    let fourth = chat.edit(edit).await.expect("is accepted");
    chat.finish(&fourth).await;
    assert_eq!(texts(&chat.messages(&id).await), ["A", "four"]);

    for (message, content, code) in [
        (&first.user_message_id, None, Code::InvalidRequest),
        (&fourth.message_id, Some("x"), Code::InvalidRequest),
        (&second.message_id, None, Code::NotFound),
    ] {
        let request = json!({"conversationId": id, "messageId": message, "content": content});
        assert_eq!(chat.edit(request).await.expect_err("is refused").code, code);
    }
}

#[tokio::test]
async fn lists_are_paged_newest_first_and_deleting_cancels() {
    let mut scripts: Vec<Vec<Step>> = (0..5).map(|_| answer(&["Hi"])).collect();
    scripts.push(vec![stream_head(), text("never ending"), Step::Hang]);
    let upstream = Upstream::start(scripts).await;
    let chat = Chat::with(&[&upstream]);
    let mut ids = Vec::new();
    for number in 0..6 {
        let started = chat
            .send(json!({"content": format!("number {number}")}))
            .await;
        if number < 5 {
            chat.finish(&started).await;
        }
        ids.insert(0, started.conversation_id);
    }
    let mut listed = Vec::new();
    let mut cursor: Option<String> = None;
    loop {
        let page = chat
            .service
            .list(&chat.user, cursor.as_deref(), Some(4))
            .await
            .expect("a page");
        listed.extend(page.items.into_iter().map(|item| item.conversation_id));
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(listed, ids);
    assert!(
        chat.service
            .list(&chat.user, Some("x"), None)
            .await
            .is_err()
    );
    assert!(chat.service.list(&chat.user, None, Some(0)).await.is_err());

    let id = &ids[0];
    chat.service
        .rename(&chat.user, id, "Other")
        .await
        .expect("is renamed");
    assert!(
        chat.service
            .rename(&chat.user, id, &"x".repeat(201))
            .await
            .is_err()
    );
    chat.service
        .delete(&chat.user, id)
        .await
        .expect("is deleted");
    upstream.idle().await;
    assert!(chat.active_runs().await.is_empty());
    let opened = chat.service.open(&chat.user, id, None, None).await;
    assert_eq!(opened.expect_err("is gone").code, Code::NotFound);
}

#[tokio::test]
async fn bad_requests_are_refused_with_a_sentence() {
    let chat = Chat::with(&[]);
    let longest = json!({"content": "ä".repeat(200_000)});
    chat.try_send(longest).await.expect("as long as it may be");
    for (request, code) in [
        (json!({"content": " \n"}), Code::InvalidRequest),
        (
            json!({"content": "x".repeat(200_001)}),
            Code::InvalidRequest,
        ),
        (
            json!({"content": "x", "model": "unknown"}),
            Code::InvalidRequest,
        ),
        (
            json!({"content": "x", "options": {"temperature": 3}}),
            Code::InvalidRequest,
        ),
        (
            json!({"content": "x", "conversationId": "unknown"}),
            Code::NotFound,
        ),
    ] {
        assert_eq!(
            chat.try_send(request).await.expect_err("is refused").code,
            code
        );
    }
}

//! Claims whose run is gone: whoever meets one puts it right, but not too early.

use serde_json::json;

use super::Chat;
use super::upstream::{Upstream, done, finish, stream_head, text};
use crate::chat::store::{Change, Store as _, Turn};
use crate::chat::{ConversationId, FinishReason, MessageId, RunId, Timestamp};
use crate::problem::Code;

/// A conversation that a run claimed so long ago, and nothing else is known of that run.
async fn claimed(chat: &Chat, minutes: i64) -> ConversationId {
    let conversation = ConversationId::random();
    let turn = Turn {
        user: chat.user.clone(),
        change: Change::Create {
            conversation: conversation.clone(),
            title: "Title".to_owned(),
            message: MessageId::random(),
            content: "hello".into(),
        },
        key: None,
        run_id: RunId::random(),
        message_id: MessageId::random(),
        model: "m".to_owned(),
        at: Timestamp(Timestamp::now().0 - chrono::TimeDelta::minutes(minutes)),
    };
    chat.store.begin_turn(&turn).await.expect("is new");
    conversation
}

#[tokio::test]
async fn a_claim_whose_log_has_expired_is_given_back_by_whoever_meets_it() {
    let script = || vec![stream_head(), text("x"), finish("stop"), done()];
    let upstream = Upstream::start([script()]).await;
    let chat = Chat::with(&[&upstream]);

    let id = claimed(&chat, 60).await;
    let again = json!({"content": "again", "conversationId": &*id});
    let started = chat.send(again).await;
    chat.events_after(&started.run_id, 0).await;
    let opened = chat.service.open(&chat.user, &id, None, None).await;
    let messages = opened.expect("is there").messages;
    let reasons: Vec<_> = messages.iter().map(|it| it.finish_reason).collect();
    let interrupted = Some(FinishReason::Interrupted);
    assert_eq!(reasons, [None, interrupted, None, Some(FinishReason::Stop)]);

    let id = claimed(&chat, 60).await;
    let opened = chat.service.open(&chat.user, &id, None, None).await;
    let opened = opened.expect("can be opened");
    assert!(opened.active_run.is_none());
    assert_eq!(opened.messages[1].finish_reason, interrupted);

    let id = claimed(&chat, 60).await;
    let deleted = chat.service.delete(&chat.user, &id).await;
    assert_eq!(deleted.map_err(|problem| problem.code), Ok(()));

    claimed(&chat, 60).await;
    assert!(chat.active_runs().await.is_empty());
}

#[tokio::test]
async fn a_claim_that_may_still_be_somebodys_is_left_alone() {
    let upstream = Upstream::start([]).await;
    let chat = Chat::with(&[&upstream]);
    let id = claimed(&chat, 1).await;
    let again = json!({"content": "again", "conversationId": &*id});
    let refused = chat.try_send(again).await;
    assert_eq!(
        refused.map_err(|problem| problem.code),
        Err(Code::RunActive)
    );
    assert_eq!(chat.active_runs().await.len(), 1);
}

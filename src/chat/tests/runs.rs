//! Runs: following, resuming, cancelling, being drained.

use std::time::Duration;

use futures_util::StreamExt;
use serde_json::json;

use super::upstream::{Step, Upstream, done, event, finish, stream_head, text};
use super::{Chat, assert_well_formed, last, text_of, types};
use crate::chat::CancelState;
use crate::problem::Code;

fn slow(words: usize) -> Vec<Step> {
    let mut script = vec![stream_head()];
    for word in 0..words {
        script.push(text(&format!("{word} ")));
        script.push(Step::Pause(Duration::from_millis(15)));
    }
    script.extend([finish("stop"), done()]);
    script
}

#[tokio::test]
async fn every_resumption_continues_where_the_viewer_was() {
    let upstream = Upstream::start([slow(40)]).await;
    let chat = Chat::with(&[&upstream]);
    let run = chat.send(json!({"content": "count"})).await.run_id;
    let all = chat.events_after(&run, 0).await;
    assert_well_formed(&all);
    let expected: String = (0..40).map(|word| format!("{word} ")).collect();
    assert_eq!(text_of(&all), expected);
    assert!(all.len() < 40, "deltas are joined: {}", all.len());
    for after in [1, 2, all.len() - 1, all.len()] {
        assert_eq!(chat.events_after(&run, after as u64).await, all[after..]);
    }
    let ahead = chat.events_after(&run, 10_000).await;
    assert_eq!(types(&ahead), ["snapshot", "run.finished"]);
    assert_eq!(
        (&ahead[0]["text"], &ahead[0]["seq"]),
        (&json!(expected), &json!(all.len() - 1))
    );
}

#[tokio::test]
async fn an_ended_run_can_be_told_after_its_log_is_gone() {
    let upstream = Upstream::start([slow(2), vec![stream_head(), text("x")], slow(1)]).await;
    let chat = Chat::configured(&[&upstream], |config| config.log_retention = Duration::ZERO);
    let good = chat.send(json!({"content": "a"})).await.run_id;
    let whole = chat.events_after(&good, 0).await;
    let bad = chat.send(json!({"content": "b"})).await.run_id;
    let broken = chat.events_after(&bad, 0).await;
    let next = chat.send(json!({"content": "c"})).await.run_id;
    chat.events_after(&next, 0).await;

    let retold = chat.events_after(&good, 1).await;
    assert_eq!(types(&retold), ["snapshot", "run.finished"]);
    assert_eq!(retold[0]["text"], "0 1 ");
    assert_eq!(retold[1]["seq"], whole.len());
    let retold = chat.events_after(&bad, 1).await;
    assert_eq!(types(&retold), ["snapshot", "run.error", "run.finished"]);
    assert_eq!(retold[2]["seq"], broken.len());
    assert_eq!(chat.events_after(&bad, broken.len() as u64).await.len(), 0);
    assert_eq!(chat.cancel(&bad).await, CancelState::Finished);
}

#[tokio::test]
async fn cancelling_shows_nothing_more_keeps_the_text_and_ends_the_request() {
    let upstream = Upstream::start([slow(10_000)]).await;
    let chat = Chat::with(&[&upstream]);
    let started = chat.send(json!({"content": "count"})).await;
    let run = started.run_id.clone();
    let mut events = chat
        .service
        .follow(&chat.user, &run, 0)
        .await
        .expect("known")
        .events;
    for _ in 0..4 {
        events.next().await;
    }
    assert_eq!(chat.cancel(&run).await, CancelState::Cancelled);
    let all = chat.events_after(&run, 0).await;
    assert_well_formed(&all);
    assert_eq!(last(&all, "run.finished")["finishReason"], "cancelled");
    upstream.idle().await;

    let opened = chat
        .service
        .open(&chat.user, &started.conversation_id, None, None)
        .await;
    let opened = opened.expect("is there");
    assert!(opened.active_run.is_none());
    assert_eq!(*opened.messages[1].content, *text_of(&all));
    assert_eq!(chat.cancel(&run).await, CancelState::Cancelled);
}

#[tokio::test]
async fn a_run_that_waits_for_a_retry_can_be_cancelled() {
    let busy = vec![super::upstream::status(429, "Retry-After: 9\r\n", "{}")];
    let upstream = Upstream::start([busy]).await;
    let chat = Chat::with(&[&upstream]);
    let run = chat.send(json!({"content": "hi"})).await.run_id;
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(chat.cancel(&run).await, CancelState::Cancelled);
}

#[tokio::test]
async fn one_run_at_a_time_and_only_the_owner_sees_it() {
    let upstream = Upstream::start([slow(200)]).await;
    let mut chat = Chat::with(&[&upstream]);
    let started = chat.send(json!({"content": "a"})).await;
    let again = json!({"content": "b", "conversationId": started.conversation_id});
    let problem = chat.try_send(again).await.expect_err("one at a time");
    assert_eq!(problem.code, Code::RunActive);
    assert_eq!(problem.details["runId"], *started.run_id);
    assert_eq!(chat.active_runs().await.len(), 1);

    chat.user = "eve".into();
    let eve = &chat.user;
    assert!(chat.active_runs().await.is_empty());
    let id = &started.conversation_id;
    let problems = [
        chat.service.follow(eve, &started.run_id, 0).await.err(),
        chat.service.cancel(eve, &started.run_id).await.err(),
        chat.service.open(eve, id, None, None).await.err(),
        chat.service.rename(eve, id, "mine").await.err(),
        chat.service.delete(eve, id).await.err(),
        chat.try_send(json!({"content": "b", "conversationId": id}))
            .await
            .err(),
    ];
    for problem in problems {
        assert_eq!(problem.map(|problem| problem.code), Some(Code::NotFound));
    }
}

#[tokio::test]
async fn draining_interrupts_what_does_not_end_in_time() {
    let upstream = Upstream::start([slow(10_000)]).await;
    let chat = Chat::with(&[&upstream]);
    let run = chat.send(json!({"content": "count"})).await.run_id;
    chat.service.drain(Duration::from_millis(150)).await;
    let events = chat.events_after(&run, 0).await;
    assert_well_formed(&events);
    assert_eq!(last(&events, "run.finished")["finishReason"], "interrupted");
    assert_eq!(last(&events, "run.error")["retryable"], true);
    assert!(!text_of(&events).is_empty());
}

#[tokio::test]
async fn usage_is_told_once_and_summed_up() {
    let usage =
        event(&json!({"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 3}}));
    let told = vec![stream_head(), text("Hi"), finish("stop"), usage, done()];
    let upstream = Upstream::start([told, slow(1)]).await;
    let chat = Chat::with(&[&upstream]);
    let events = chat.ask("Hello").await;
    let usage = last(&events, "usage");
    assert_eq!(
        (&usage["promptTokens"], &usage["estimated"]),
        (&json!(7), &json!(false))
    );
    let events = chat.ask("Hello").await;
    assert_eq!(last(&events, "usage")["estimated"], true);
    let report = chat
        .service
        .usage(&chat.user, None, None)
        .await
        .expect("a report");
    assert_eq!(report.totals.runs, 2);
    assert!(report.totals.prompt_tokens > 7);
    assert_eq!((report.by_model.len(), report.by_day.len()), (1, 1));
}

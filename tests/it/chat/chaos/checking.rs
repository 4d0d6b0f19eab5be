//! What has become of a story: the answer that is kept, next to what was said and what was shown.

use std::time::{Duration, Instant};

use rand::SeedableRng as _;
use rand::rngs::StdRng;
use serde_json::json;
use tokio::time::{sleep, timeout};

use super::story::{Story, ask};
use super::{LIMIT, World};

pub async fn check(world: &World, story: &Story) {
    let checked = timeout(LIMIT, check_now(world, story));
    checked.await.expect("a conversation can be opened");
}

async fn check_now(world: &World, story: &Story) {
    let mut random = StdRng::seed_from_u64(1);
    let begin = Instant::now();
    let mut tab = world.tab(&story.user, &mut random).await;
    let message = loop {
        let open = json!({"conversationId": story.started["conversationId"]});
        let opened = ask(
            world,
            &mut tab,
            &story.user,
            &mut random,
            "OpenConversation",
            open,
        )
        .await;
        if opened["activeRun"].is_null() {
            assert_eq!(
                opened["messages"].as_array().map(Vec::len),
                Some(2),
                "{opened}"
            );
            break opened["messages"][1].clone();
        }
        assert!(
            begin.elapsed() < Duration::from_secs(20),
            "a run is left hanging: {opened}"
        );
        sleep(Duration::from_millis(50)).await;
    };
    let text = message["content"].as_str().expect("a text");
    match message["finishReason"].as_str() {
        Some("stop") => assert_eq!(text, story.whole),
        Some("cancelled" | "interrupted") => assert!(story.whole.starts_with(text), "{message}"),
        _ => panic!("an end that nobody asked for: {message}"),
    }
    assert!(
        text.starts_with(&story.shown),
        "shown {}, kept {message}",
        story.shown
    );
}

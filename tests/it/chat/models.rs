//! Which model answers, and who answers for it.

use serde_json::{Value, json};

use super::client::{Instance, borrowed, chat_events, code, text};
use super::upstream::{Upstream, request};
use crate::support::hub_client::HubClient;

/// Asks and gives the events of the answer.
async fn ask(tab: &mut HubClient, model: Option<&str>) -> Vec<Value> {
    let (content, _) = request(2, "w", 0);
    let asked = json!([{"content": content, "model": model}]);
    tab.invoke("SendMessage", asked).await;
    chat_events(tab).await
}

async fn defaults(tab: &mut HubClient) -> Vec<(Value, Value, Value)> {
    let models = tab.invoke("ListModels", json!([])).await;
    let models = models.as_array().expect("a list").clone();
    let of = |model: Value| {
        let [id, provider, default] = ["id", "provider", "default"].map(|it| model[it].clone());
        (id, provider, default)
    };
    models.into_iter().map(of).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_model_the_configured_one_answers_or_the_first() {
    let (first, second) = (Upstream::start().await, Upstream::start().await);
    let mut settings = first.provider(0, &["a", "both"]);
    settings.extend(second.provider(1, &["both", "b"]));
    for (configured, expected) in [(None, "a"), (Some("b"), "b"), (Some("builtin"), "builtin")] {
        let mut settings = borrowed(&settings);
        settings.extend(configured.map(|model| ("Llm__DefaultModel", model)));
        let instance = Instance::start(&settings);
        let mut tab = instance.connect("ada").await;
        let listed: Vec<_> = [
            ("a", "p0"),
            ("both", "p0"),
            ("b", "p1"),
            ("builtin", "builtin"),
        ]
        .map(|(id, provider)| (json!(id), json!(provider), json!(id == expected)))
        .into();
        assert_eq!(defaults(&mut tab).await, listed);
        let events = ask(&mut tab, None).await;
        assert_eq!(events[0]["model"], expected);
        assert_eq!(ask(&mut tab, Some("a")).await[0]["model"], "a");
        let unknown = json!([{"content": "?", "model": "c"}]);
        let refused = tab.call("SendMessage", unknown).await;
        assert_eq!(code(&refused), "invalid_request");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_provider_that_lists_the_model_answers_and_the_built_in_one_never() {
    let (first, second) = (Upstream::start().await, Upstream::start().await);
    let mut settings = first.provider(0, &["a", "both"]);
    settings.extend(second.provider(1, &["both"]));
    let mut settings = borrowed(&settings);
    settings.push(("Llm__Providers__0__MaxRetries", "0"));
    let instance = Instance::start(&settings);
    let mut tab = instance.connect("ada").await;
    // Nobody listens there any more.
    drop(first);
    let events = ask(&mut tab, Some("both")).await;
    let fallback = json!({"phase": "fallback", "attempt": 1, "provider": "p1"});
    let is_fallback = |event: &Value| {
        let members = fallback.as_object().expect("an object");
        members.iter().all(|(name, value)| event[name] == *value)
    };
    assert_eq!(
        events.iter().filter(|it| is_fallback(it)).count(),
        1,
        "{events:#?}"
    );
    assert_eq!(text(&events), request(2, "w", 0).1);

    let events = ask(&mut tab, Some("a")).await;
    let [.., error, end] = &events[..] else {
        panic!("{events:#?}")
    };
    assert_eq!(error["code"], "upstream_unavailable");
    assert_eq!(end["finishReason"], "error");
    assert_eq!(text(&events), "");
}

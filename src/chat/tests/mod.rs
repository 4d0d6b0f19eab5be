//! The service as a hub uses it, with a provider that does what each test says.

mod conversations;
mod runs;
mod stale;
mod troubles;
pub mod upstream;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::future::{BoxFuture, ready};
use serde_json::{Value, json};

use self::upstream::Upstream;
use super::config::{Limits, ProviderConfig};
use super::service::{ChatService, NewMessage, Observer, Running, What};
use super::store::Started;
use super::tools::tests::Example;
use super::{CancelState, ChatConfig, ConversationId, EmbeddedStore, Fleet, Run, RunId, UserId};
use crate::eventlog::Database;
use crate::problem::Problem;

/// Keeps what it is told.
#[derive(Default)]
pub struct Told(Mutex<Vec<What>>);

impl Observer for Told {
    fn run_started(&self, _: &Arc<Run>) {}

    fn conversation_changed<'a>(
        &'a self,
        _: &'a UserId,
        _: &'a ConversationId,
        what: What,
    ) -> BoxFuture<'a, ()> {
        self.0.lock().unwrap().push(what);
        Box::pin(ready(()))
    }

    fn caught_up<'a>(&'a self, _: &'a Run) -> BoxFuture<'a, ()> {
        Box::pin(ready(()))
    }

    fn is_watched(&self, _: &ConversationId) -> bool {
        false
    }

    fn watched(&self) -> Vec<(UserId, ConversationId)> {
        Vec::new()
    }

    fn conversation_deleted(&self, _: &ConversationId) {}
}

pub struct Chat {
    pub service: Arc<ChatService>,
    pub told: Arc<Told>,
    pub store: EmbeddedStore,
    pub user: UserId,
}

impl Chat {
    /// With these providers, all of which know the model `m`.
    pub fn with(upstreams: &[&Upstream]) -> Self {
        Self::configured(upstreams, |_| {})
    }

    pub fn configured(upstreams: &[&Upstream], change: impl Fn(&mut ChatConfig)) -> Self {
        let providers = upstreams.iter().enumerate().map(|(index, upstream)| {
            let mut provider = ProviderConfig::new(format!("p{index}"), &upstream.base_url);
            provider.models = vec!["m".into()];
            provider.api_key = Some(super::config::ApiKey::new("sk-very-secret"));
            provider.limits = Limits {
                first_token: Duration::from_millis(400),
                silence: Duration::from_millis(400),
                total: Duration::from_secs(2),
                ..Limits::default()
            };
            provider
        });
        let mut config = ChatConfig {
            providers: providers.collect(),
            word_pause: Duration::from_millis(1),
            ..ChatConfig::default()
        };
        change(&mut config);
        let told = Arc::new(Told::default());
        let store = EmbeddedStore::new(Database::in_memory()).expect("memory can be written");
        let (kept, trading) = (Arc::new(store.clone()), Arc::new(Example));
        let service = ChatService::new(config, kept, Fleet::alone(), trading, told.clone());
        Self {
            store,
            service: service.expect("the configuration is right"),
            told,
            user: UserId::from("ada"),
        }
    }

    pub async fn try_send(&self, request: Value) -> Result<Started, Problem> {
        let request: NewMessage = serde_json::from_value(request).expect("a request");
        let sent = self.service.send(self.user.clone(), true, request, |_| {});
        sent.await
    }

    pub async fn send(&self, request: Value) -> Started {
        self.try_send(request).await.expect("is accepted")
    }

    /// All events of a run after `after`, to its end.
    pub async fn events_after(&self, run: &RunId, after: u64) -> Vec<Value> {
        let followed = self.service.follow(&self.user, run, after).await;
        let events = followed.expect("the run is known").events;
        let read = events.map(|event| serde_json::from_slice(&event.body).expect("JSON"));
        let all = tokio::time::timeout(Duration::from_secs(20), read.collect::<Vec<Value>>());
        all.await.expect("the run ends")
    }

    pub async fn active_runs(&self) -> Vec<Running> {
        let runs = self.service.active_runs(&self.user, None).await;
        runs.expect("the store answers")
    }

    pub async fn cancel(&self, run: &RunId) -> CancelState {
        let cancelled = self.service.cancel(&self.user, run).await;
        cancelled.expect("the run is known")
    }

    /// Asks once and gives all events of the answer.
    pub async fn ask(&self, content: &str) -> Vec<Value> {
        let started = self.send(json!({"content": content})).await;
        let events = self.events_after(&started.run_id, 0).await;
        assert_well_formed(&events);
        events
    }
}

/// Gapless numbers from 1; exactly one end, directly after the error if there is one.
pub fn assert_well_formed(events: &[Value]) {
    for (index, event) in events.iter().enumerate() {
        assert_eq!(event["seq"], index + 1, "{events:#?}");
    }
    let ends = events
        .iter()
        .filter(|event| event["type"] == "run.finished");
    assert_eq!(ends.count(), 1);
    let last = events.last().expect("has an end");
    assert_eq!(last["type"], "run.finished");
    let errors = events.iter().position(|event| event["type"] == "run.error");
    let failed = ["stalled", "interrupted", "error"].map(Value::from);
    if failed.contains(&last["finishReason"]) {
        assert_eq!(errors, Some(events.len() - 2), "{events:#?}");
    } else {
        assert_eq!(errors, None, "{events:#?}");
    }
}

pub fn text_of(events: &[Value]) -> String {
    let deltas = events.iter().filter(|event| event["type"] == "text.delta");
    deltas.filter_map(|event| event["text"].as_str()).collect()
}

pub fn types(events: &[Value]) -> Vec<&str> {
    let types = events.iter().filter_map(|event| event["type"].as_str());
    types.collect()
}

pub fn last<'a>(events: &'a [Value], kind: &str) -> &'a Value {
    let mut of_kind = events.iter().rev().filter(|event| event["type"] == kind);
    of_kind.next().unwrap_or(&Value::Null)
}

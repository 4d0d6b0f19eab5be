//! The chat line by line. Each rule on one instance and on two over one Redis, with tabs on different
//! instances.

mod answers;
mod conversations;
mod limits;
mod others;

use serde_json::{Value, json};

use super::client::{Instance, borrowed, events_of};
use super::fleet::Fleet;
use super::upstream::Upstream;
use crate::support::hub_client::HubClient;

/// Two tabs of a user, on one instance or on two.
struct Tabs {
    here: HubClient,
    there: HubClient,
    servers: Servers,
}

enum Servers {
    One(Instance),
    Two(Fleet),
}

impl Tabs {
    async fn on_one(settings: &[(&str, &str)]) -> Self {
        let instance = Instance::start(settings);
        Self {
            here: instance.connect("ada").await,
            there: instance.connect("ada").await,
            servers: Servers::One(instance),
        }
    }

    async fn on_two(settings: &[(&str, &str)]) -> Option<Self> {
        let fleet = Fleet::start_with(2, settings).await?;
        Some(Self {
            here: fleet.connect(0, "ada").await,
            there: fleet.connect(1, "ada").await,
            servers: Servers::Two(fleet),
        })
    }

    /// One more connection, where the second tab is.
    async fn connect(&self, user: &str) -> HubClient {
        match &self.servers {
            Servers::One(instance) => instance.connect(user).await,
            Servers::Two(fleet) => fleet.connect(1, user).await,
        }
    }

    /// Asks and waits for the end of the answer.
    async fn ask(&mut self, request: Value) -> Value {
        let started = self.here.invoke("SendMessage", json!([request])).await;
        events_of(&mut self.here, &started).await;
        started
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn conversations_follow_the_rules_on_one_instance() {
    let mut tabs = Tabs::on_one(&[]).await;
    conversations_follow_the_rules(&mut tabs).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn conversations_follow_the_rules_on_two_instances() {
    if let Some(mut tabs) = Tabs::on_two(&[]).await {
        conversations_follow_the_rules(&mut tabs).await;
    }
}

async fn conversations_follow_the_rules(tabs: &mut Tabs) {
    conversations::other_tabs_hear_of_changes(tabs).await;
    conversations::lists_have_pages_newest_first(tabs).await;
    conversations::editing_removes_what_came_after(tabs).await;
    conversations::a_closed_conversation_is_silent(tabs).await;
    limits::usage_is_summed_up(tabs).await;
    limits::limits_are_kept(tabs).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_follow_the_rules_on_one_instance() {
    let upstream = Upstream::start().await;
    let settings = upstream.settings();
    let mut tabs = Tabs::on_one(&borrowed(&settings)).await;
    answers_follow_the_rules(&mut tabs, &upstream).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_follow_the_rules_on_two_instances() {
    let upstream = Upstream::start().await;
    let settings = upstream.settings();
    if let Some(mut tabs) = Tabs::on_two(&borrowed(&settings)).await {
        answers_follow_the_rules(&mut tabs, &upstream).await;
    }
}

async fn answers_follow_the_rules(tabs: &mut Tabs, upstream: &Upstream) {
    answers::of_two_who_ask_at_once_one_is_answered(tabs).await;
    answers::nothing_changes_while_an_answer_is_made(tabs).await;
    answers::a_stream_takes_the_place_of_events(tabs).await;
    answers::a_lost_connection_stops_nothing(tabs).await;
    answers::deleting_cancels_first(tabs).await;
    answers::a_long_answer_is_whole(tabs).await;
    others::another_users_is_not_found(tabs).await;
    upstream.idle().await;
}

//! Instances tell each other which runs begin, so that each shows them to whoever has the
//! conversation open there, and which conversations are gone. A notice may be lost; when Redis is
//! back everybody looks for runs himself, and a conversation that is gone costs its place in a list.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream;

use super::{About, Shared, about};
use crate::chat::ConversationId;
use crate::chat::service::ChatService;
use crate::redis::{Received, RedisService};

/// Conversations looked at side by side.
const LOOKS: usize = 16;

/// Tells of a run.
const STARTED: &str = "chat:started";
/// Tells of a conversation.
const DELETED: &str = "chat:deleted";

pub(super) fn started(shared: &Shared, about: &Bytes) {
    publish(shared, STARTED, about.clone());
}

pub(super) fn deleted(shared: &Shared, conversation: &ConversationId) {
    let id = Bytes::copy_from_slice(conversation.as_bytes());
    publish(shared, DELETED, id);
}

fn publish(shared: &Shared, what: &str, payload: Bytes) {
    let channel = channel(&shared.redis, what);
    // Queued in the order of calls. What is lost with the connection is looked for afterwards.
    drop(shared.redis.pub_sub().publish(&channel, payload));
}

pub(super) fn serve(shared: &Shared, service: &Arc<ChatService>) {
    let (subscriber, mut receiver) = shared.redis.pub_sub().subscriber();
    let channels = [STARTED, DELETED].map(|what| channel(&shared.redis, what));
    let mut returns = shared.logs.returns();
    let weak = Arc::downgrade(service);
    service.runtime.spawn(async move {
        let [_, gone] = &channels;
        subscriber.subscribe(channels.to_vec()).await;
        loop {
            let received = tokio::select! {
                received = receiver.recv() => received,
                Ok(()) = returns.changed() => Some(Received::Lost(0)),
            };
            let (Some(received), Some(service)) = (received, weak.upgrade()) else {
                return;
            };
            match received {
                Received::Message { channel, payload } if *channel == **gone => {
                    if let Ok(id) = std::str::from_utf8(&payload) {
                        service.observer.conversation_deleted(&id.into());
                    }
                }
                Received::Message { payload, .. } => {
                    if let Some(about) = about(&payload) {
                        show(&service, about);
                    }
                }
                Received::Lost(_) => {
                    service.runtime.clone().spawn(look_for_runs(service));
                }
            }
        }
    });
}

fn show(service: &Arc<ChatService>, about: About) {
    if !service.observer.is_watched(&about.claim.conversation_id) {
        return;
    }
    let service = service.clone();
    service.runtime.clone().spawn(async move {
        if let Err(problem) = service.run(&about.user, &about.claim.run_id).await {
            tracing::warn!(run_id = %about.claim.run_id, %problem, "a run cannot be shown for now");
        }
    });
}

/// Looks for runs in all conversations that somebody has open here.
async fn look_for_runs(service: Arc<ChatService>) {
    let watched = stream::iter(service.observer.watched());
    let looks = watched.for_each_concurrent(LOOKS, |(user, conversation)| {
        let service = &service;
        async move {
            let opened = service.store().open(&user, &conversation, None, 1).await;
            if let Some(run) = opened.ok().and_then(|opened| opened.active_run) {
                let _ = service.run(&user, &run).await;
            }
        }
    });
    looks.await;
}

fn channel(redis: &RedisService, what: &str) -> String {
    let key = redis.key(what);
    key[redis.prefix().len()..].to_owned()
}

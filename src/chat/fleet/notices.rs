//! Instances tell each other which runs begin, so that each shows them to whoever has the
//! conversation open there. A notice may be lost; when Redis is back everybody looks for himself.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream;

use super::{About, Shared, about};
use crate::chat::service::ChatService;
use crate::redis::{Received, RedisService};

/// Conversations looked at side by side.
const LOOKS: usize = 16;

pub(super) fn started(shared: &Shared, about: &Bytes) {
    let channel = channel(&shared.redis);
    // Queued in the order of calls. What is lost with the connection is looked for afterwards.
    drop(shared.redis.pub_sub().publish(&channel, about.clone()));
}

pub(super) fn serve(shared: &Shared, service: &Arc<ChatService>) {
    let (subscriber, mut receiver) = shared.redis.pub_sub().subscriber();
    let channel = channel(&shared.redis);
    let mut returns = shared.logs.returns();
    let weak = Arc::downgrade(service);
    service.runtime.spawn(async move {
        subscriber.subscribe(vec![channel]).await;
        loop {
            let received = tokio::select! {
                received = receiver.recv() => received,
                Ok(()) = returns.changed() => Some(Received::Lost(0)),
            };
            let (Some(received), Some(service)) = (received, weak.upgrade()) else {
                return;
            };
            match received {
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

fn channel(redis: &RedisService) -> String {
    let key = redis.key("chat:started");
    key[redis.prefix().len()..].to_owned()
}

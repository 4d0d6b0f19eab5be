//! Chat as the settings say.

use std::{io, sync::Arc};

use tokio::task::spawn_local;

use super::storage::Storage;
use crate::{
    chat::{
        ChatConfig, ChatService, EmbeddedStore, Fleet, RedisStore, TradingView,
        config::{ApiKey, Limits, ProviderConfig},
    },
    eventlog::SharedLogs,
    hubs::llm::Viewers,
    settings::{LlmProviderSettings, LlmSettings},
};

pub(super) fn service(
    settings: &LlmSettings,
    storage: Storage,
    logs: Option<SharedLogs>,
    trading: Arc<dyn TradingView>,
    viewers: Arc<Viewers>,
) -> io::Result<Arc<ChatService>> {
    let config = ChatConfig {
        providers: settings.providers.iter().map(provider).collect(),
        default_model: settings.default_model.clone(),
        ..ChatConfig::default()
    };
    let build = |store, fleet| {
        ChatService::new(config, store, fleet, trading, viewers).map_err(io::Error::other)
    };
    let database = match storage {
        Storage::Redis(redis) => {
            let store = Arc::new(RedisStore::new(redis.service));
            return build(store, logs.map_or_else(Fleet::alone, Fleet::new));
        }
        Storage::Embedded(database) => database,
    };
    let outlives_the_process = !database.is_in_memory();
    let store = EmbeddedStore::new(database).map_err(io::Error::other)?;
    let left_behind = store.left_behind().map_err(io::Error::other)?;
    let chat = build(Arc::new(store.clone()), Fleet::alone())?;
    let ending = chat.clone();
    spawn_local(async move { ending.end_left_behind(left_behind).await });
    if outlives_the_process {
        spawn_local(chat.clone().keep_parts(store));
    }
    Ok(chat)
}

fn provider(settings: &LlmProviderSettings) -> ProviderConfig {
    let headers = settings.headers.iter();
    ProviderConfig {
        api_key: settings
            .api_key
            .as_ref()
            .map(|key| ApiKey::new(key.expose())),
        models: settings.models.clone(),
        headers: headers
            .map(|(name, value)| (name.clone(), ApiKey::new(value.expose())))
            .collect(),
        proxy: settings
            .proxy
            .as_ref()
            .map(|proxy| ApiKey::new(proxy.expose())),
        limits: Limits {
            connect: settings.connect_timeout,
            first_token: settings.first_token_timeout,
            silence: settings.silence_timeout,
            total: settings.total_timeout,
            max_retries: settings.max_retries,
        },
        ..ProviderConfig::new(&settings.name, &settings.base_url)
    }
}

//! Chat as the settings say.

use std::sync::Arc;

use crate::{
    chat::{
        ChatConfig, ChatService, MemoryStore, TradingView,
        config::{ApiKey, Limits, ProviderConfig},
        provider::InvalidProvider,
    },
    hubs::llm::Viewers,
    settings::{LlmProviderSettings, LlmSettings},
};

pub(super) fn service(
    settings: &LlmSettings,
    trading: Arc<dyn TradingView>,
    viewers: Arc<Viewers>,
) -> Result<Arc<ChatService>, InvalidProvider> {
    let config = ChatConfig {
        providers: settings.providers.iter().map(provider).collect(),
        default_model: settings.default_model.clone(),
        ..ChatConfig::default()
    };
    let store = Arc::new(MemoryStore::default());
    ChatService::new(config, store, trading, viewers)
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

//! The product's hubs and the services behind them. Another hub is one file in `src/hubs` and two
//! lines here.

use std::{io, sync::Arc};

use tokio::task::spawn_local;

use super::{backplane::Backplanes, chat, options, redis::Redis, storage::Storage};
use crate::{
    auth::Limits,
    chat::ChatService,
    eventlog::SharedLogs,
    hubs::{
        backtests::{self, BacktestHub},
        bots::{self, BotHub},
        llm::{self, LlmHub, Viewers},
    },
    problem::{Code, Problem},
    settings::Settings,
    signalr::{
        connection::User,
        hub::{Hub, HubContext, HubEndpoint, HubError},
    },
    trading::{BacktestService, BotService, LiveView, clock::Clock, link::HubLink},
};

/// The three hubs, ready to be served.
pub(super) struct Hubs {
    pub endpoints: Vec<HubEndpoint>,
    /// One for each hub, with its name.
    pub contexts: Vec<(&'static str, HubContext)>,
    pub backplanes: Backplanes,
    /// Has answers to finish before the process ends.
    pub chat: Arc<ChatService>,
    pub bots: Arc<BotService>,
    pub backtests: Arc<BacktestService>,
}

impl Hubs {
    /// Builds services and hubs. Their background work runs on the current `LocalSet`. With a
    /// Redis, hub messages reach the clients of all instances.
    pub fn new(
        settings: &Settings,
        redis: Option<&Redis>,
        storage: Storage,
        limits: &Limits,
    ) -> io::Result<Self> {
        let mut endpoints = Endpoints::new(Backplanes::new(settings, redis), limits);
        let (clock, history) = (Clock::system(), settings.trading_history);
        let logs = redis.map(|redis| {
            let (service, instances) = (redis.service.clone(), redis.instances.clone());
            let logs = SharedLogs::new(service, instances);
            tokio::spawn(logs.clone().run());
            logs
        });

        let context = endpoints.context(settings, "bothub", bots::TYPE_NAME);
        let link = HubLink::new(context.clone());
        let bots = BotService::new(clock.clone(), link, logs.clone(), history);
        spawn_local(bots.clone().run(context.clone()));
        endpoints.serve(settings, "bothub", &context, BotHub::new(bots.clone()));

        let context = endpoints.context(settings, "backtesthub", backtests::TYPE_NAME);
        let link = HubLink::new(context.clone());
        let backtests = BacktestService::new(clock, link, logs.clone(), history);
        spawn_local(backtests.clone().run(context.clone()));
        let hub = BacktestHub::new(backtests.clone());
        endpoints.serve(settings, "backtesthub", &context, hub);

        let context = endpoints.context(settings, "llmhub", llm::TYPE_NAME);
        let (viewers, delivering) = Viewers::new();
        let trading = LiveView::new(bots.clone(), backtests.clone());
        let chat = chat::service(&settings.llm, storage, logs, trading, viewers.clone())?;
        spawn_local(delivering.run(viewers.clone(), context.clone()));
        let hub = LlmHub::new(chat.clone(), viewers);
        endpoints.serve(settings, "llmhub", &context, hub);

        Ok(Self {
            endpoints: endpoints.endpoints,
            contexts: endpoints.contexts,
            backplanes: endpoints.backplanes,
            chat,
            bots,
            backtests,
        })
    }
}

struct Endpoints {
    backplanes: Backplanes,
    limits: Arc<Limits>,
    endpoints: Vec<HubEndpoint>,
    contexts: Vec<(&'static str, HubContext)>,
}

impl Endpoints {
    fn new(backplanes: Backplanes, limits: &Limits) -> Self {
        Self {
            backplanes,
            limits: Arc::new(limits.clone()),
            endpoints: Vec::new(),
            contexts: Vec::new(),
        }
    }

    /// The context of a hub, before the hub itself: services send through it.
    fn context(&mut self, settings: &Settings, name: &'static str, type_name: &str) -> HubContext {
        let configured = settings.signalr.hub(name).type_name;
        let type_name = configured.as_deref().unwrap_or(type_name);
        let context = self.backplanes.context(name, type_name);
        self.contexts.push((name, context.clone()));
        context
    }

    /// Serves a hub at `/name` with the options of the settings.
    fn serve<H: Hub>(&mut self, settings: &Settings, name: &str, context: &HubContext, hub: H) {
        let hub_settings = settings.signalr.hub(name);
        let endpoint = HubEndpoint::new(
            &format!("/{name}"),
            Arc::new(hub),
            context,
            options::hub_options(&hub_settings),
            options::connection_options(&settings.signalr, &hub_settings),
        );
        let endpoint = endpoint.deny_with(denial).admit_with(self.limits.clone());
        self.endpoints.push(endpoint);
    }
}

/// A caller without the needed role reads our error codes.
fn denial(method: &str, user: Option<&User>) -> HubError {
    let problem = match user {
        Some(_) => Problem::forbidden(format!("{method} needs a role that you do not have")),
        None => Problem::new(Code::Unauthorized, format!("{method} needs a user")),
    };
    problem.into()
}

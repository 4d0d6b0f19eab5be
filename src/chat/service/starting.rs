//! How an answer begins: the message is added and the conversation claimed in one step, then the
//! run is produced on its own, whatever becomes of the caller.

use std::sync::Arc;

use super::problems::{problem, stopping};
use super::requests::{check_options, checked_content};
use super::{ChatService, Edit, How, NewMessage, What};
use crate::chat::fleet::About;
use crate::chat::message::title_of;
use crate::chat::provider::{Prompt, PromptMessage, Provider};
use crate::chat::store::{Begun, Change, Claim, StoreError, Turn};
use crate::chat::{
    ClientMessageId, ConversationId, Message, MessageId, Options, Role, Run, RunId, Started,
    Timestamp, UserId,
};
use crate::problem::{Code, Problem};

/// Runs at the same time on this instance.
const MOST_RUNS: usize = 10_000;

/// An answer that was asked for.
struct Order {
    providers: Vec<Arc<dyn Provider>>,
    options: Options,
    may_read_trading: bool,
}

impl ChatService {
    /// Adds a user's message and starts the answer. `begun` runs before the answer's first event.
    pub async fn send(
        self: &Arc<Self>,
        user: UserId,
        may_read_trading: bool,
        request: NewMessage,
        begun: impl FnOnce(&Started) + Send + 'static,
    ) -> Result<Started, Problem> {
        let content = checked_content(request.content)?;
        let key = request.how.key(&(
            "send",
            request.conversation_id.as_deref(),
            None::<&str>,
            Some(&*content),
        ));
        let change = match request.conversation_id {
            None => Change::Create {
                conversation: ConversationId::random(),
                title: title_of(&content),
                message: MessageId::random(),
                content,
            },
            Some(conversation) => Change::Append {
                conversation,
                message: MessageId::random(),
                content,
            },
        };
        self.start(user, may_read_trading, change, key, request.how, begun)
            .await
    }

    /// Answers a user's message once more, the message changed if the request has a `content`.
    pub async fn edit(
        self: &Arc<Self>,
        user: UserId,
        may_read_trading: bool,
        request: Edit,
        begun: impl FnOnce(&Started) + Send + 'static,
    ) -> Result<Started, Problem> {
        let content = request.content.map(checked_content).transpose()?;
        let key = request.how.key(&(
            "edit",
            Some(&*request.conversation_id),
            Some(&*request.message_id),
            content.as_deref(),
        ));
        let (conversation, message) = (request.conversation_id, request.message_id);
        let change = match content {
            None => Change::Regenerate {
                conversation,
                message,
            },
            Some(content) => Change::Edit {
                conversation,
                message,
                content,
            },
        };
        self.start(user, may_read_trading, change, key, request.how, begun)
            .await
    }

    async fn start(
        self: &Arc<Self>,
        user: UserId,
        may_read_trading: bool,
        change: Change,
        key: Option<(ClientMessageId, u64)>,
        how: How,
        begun: impl FnOnce(&Started) + Send + 'static,
    ) -> Result<Started, Problem> {
        let model = how.model.filter(|model| !model.is_empty());
        let model = model.unwrap_or_else(|| self.providers.default_model().to_owned());
        let providers = self.providers.for_model(&model);
        if providers.is_empty() {
            return Err(Problem::invalid("no provider knows this model"));
        }
        let options = how.options.unwrap_or_default();
        check_options(&options)?;
        if self.is_draining() {
            return Err(stopping());
        }
        if self.runs.active_count() >= MOST_RUNS {
            let problem = Problem::new(Code::RateLimited, "too many answers are being made");
            return Err(problem.with("retryAfterMs", 5_000));
        }
        let turn = Turn {
            user,
            change,
            key,
            run_id: RunId::random(),
            message_id: MessageId::random(),
            model,
            at: Timestamp::now(),
        };
        let order = Order {
            providers,
            options,
            may_read_trading,
        };
        // On its own: what is claimed must be produced even if the caller's connection ends now.
        let begun = self.clone().begin(turn, order, begun);
        self.runtime
            .spawn(begun)
            .await
            .unwrap_or_else(|_| Err(stopping()))
    }

    async fn begin(
        self: Arc<Self>,
        turn: Turn,
        order: Order,
        announce: impl FnOnce(&Started) + Send + 'static,
    ) -> Result<Started, Problem> {
        let claim = Claim::of(&turn);
        let about = About {
            user: turn.user.clone(),
            claim,
        };
        let _beginning = self.runs.begin(&turn.run_id);
        // The log first: if this instance dies between the two, the log tells who must be helped.
        let shared = self.fleet.begin(&about).await.map_err(problem)?;
        let mut begun = self.store.begin_turn(&turn).await;
        if let Err(StoreError::RunActive(run)) = &begun
            && self.settle(&turn.user, run).await
        {
            begun = self.store.begin_turn(&turn).await;
        }
        let (started, history) = match begun {
            Ok(Begun::New { started, history }) => (started, history),
            other => {
                self.fleet.abandon(shared).await;
                let Begun::Repeated(started) = other.map_err(problem)? else {
                    return Err(problem(StoreError::Unavailable));
                };
                announce(&started);
                return Ok(started);
            }
        };
        let question = history.last().map(|(_, content)| {
            Message::from_user(started.user_message_id.clone(), content.clone(), turn.at)
        });
        let run = Run::new(turn.user.clone(), &about.claim, question, shared.epoch());
        self.runs.add(&run);
        self.fleet.share(&self, &run, shared);
        announce(&started);
        self.observer.run_started(&run);
        let prompt = self.prompt(&order, &turn.model, history);
        self.runtime
            .spawn(Arc::clone(&self).produce(run, order.providers, prompt));
        let created = matches!(turn.change, Change::Create { .. });
        let changes = match created {
            true => [What::Created, What::RunStarted],
            false => [What::Messages, What::RunStarted],
        };
        for what in changes {
            self.changed(&turn.user, &started.conversation_id, what)
                .await;
        }
        Ok(started)
    }

    fn prompt(&self, order: &Order, model: &str, history: Vec<(Role, Arc<str>)>) -> Prompt {
        let mut messages = Vec::with_capacity(history.len() + 1);
        if !self.config.system_prompt.is_empty() {
            messages.push(PromptMessage::System(
                self.config.system_prompt.as_str().into(),
            ));
        }
        messages.extend(history.into_iter().map(|(role, content)| match role {
            Role::User => PromptMessage::User(content),
            Role::Assistant => PromptMessage::Assistant {
                content,
                tool_calls: Vec::new(),
            },
        }));
        Prompt {
            model: model.to_owned(),
            messages,
            options: order.options.clone(),
            trading: order.may_read_trading.then(|| self.trading.clone()),
        }
    }
}

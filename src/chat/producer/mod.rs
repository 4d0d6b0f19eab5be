//! Makes one answer: asks providers, turns their chunks into events, calls tools.
//!
//! Inputs are the provider's chunks, the run's stop signal, and deadlines: the next joined delta, the
//! next status of a silent run, and the provider's limits. Ending the run is left to the service.

mod asking;
mod deltas;
mod piping;
mod usage;

use std::future::Future;
use std::sync::Arc;

use tokio::time::{Instant, sleep_until};

use self::usage::Usage;
use super::config::ChatConfig;
use super::event::{Body, Phase};
use super::provider::{Failure, Prompt, PromptMessage, Provider, ToolCall};
use super::run::interrupted;
use super::{FinishReason, Run, RunError, tools};

/// How often a model may call tools before it has to answer.
const MOST_ROUNDS: u32 = 8;

pub struct Producer<'a> {
    config: &'a ChatConfig,
    run: Arc<Run>,
    providers: Vec<Arc<dyn Provider>>,
    /// When something was last said.
    last_event: Instant,
    /// What a silent run is doing, for `status`.
    doing: (Phase, u32, String),
    usage: Usage,
}

/// What producing came to.
pub struct Outcome {
    pub finish_reason: FinishReason,
    pub error: Option<RunError>,
    pub usage: Option<Usage>,
}

impl Outcome {
    pub fn interrupted() -> Self {
        Self {
            finish_reason: FinishReason::Interrupted,
            error: Some(interrupted()),
            usage: None,
        }
    }
}

/// Why producing stops before the answer is complete.
enum Stop {
    /// Cancelled or interrupted from outside.
    Asked,
    Failed(Failure),
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

/// What one request to a provider came to.
struct Reply {
    finish_reason: FinishReason,
    text: String,
    tool_calls: Vec<ToolCall>,
    /// Prompt and completion tokens, if the provider said.
    usage: Option<(u64, u64)>,
    reasoning_bytes: usize,
}

impl<'a> Producer<'a> {
    pub fn new(config: &'a ChatConfig, run: Arc<Run>, providers: Vec<Arc<dyn Provider>>) -> Self {
        Self {
            config,
            run,
            providers,
            last_event: Instant::now(),
            doing: (Phase::Connecting, 1, String::new()),
            usage: Usage::default(),
        }
    }

    /// Produces everything but the end.
    pub async fn produce(mut self, prompt: Prompt) -> Outcome {
        let run = self.run.clone();
        self.emit(Body::RunStarted { model: &run.model });
        let answered = self.answer(prompt).await;
        self.emit_usage();
        let outcome = match answered {
            Ok(finish_reason) => Outcome {
                finish_reason,
                error: None,
                usage: None,
            },
            Err(Stop::Asked) => Outcome::interrupted(),
            Err(Stop::Failed(failure)) => Outcome {
                finish_reason: failure.finish_reason(),
                error: Some(failure.to_error()),
                usage: None,
            },
        };
        Outcome {
            usage: self.usage.any().then_some(self.usage),
            ..outcome
        }
    }

    /// Rounds of asking and calling tools, until the model has said what it wants to say.
    async fn answer(&mut self, mut prompt: Prompt) -> Result<FinishReason, Stop> {
        for round in 0..=MOST_ROUNDS {
            let reply = self.ask(&prompt).await?;
            let trading = prompt.trading.clone();
            let (false, Some(trading)) = (reply.tool_calls.is_empty(), trading) else {
                return Ok(reply.finish_reason);
            };
            if round == MOST_ROUNDS {
                return Ok(FinishReason::ToolCalls);
            }
            prompt.messages.push(PromptMessage::Assistant {
                content: reply.text.into(),
                tool_calls: reply.tool_calls.clone(),
            });
            for call in &reply.tool_calls {
                self.emit(Body::ToolCall {
                    call_id: &call.id,
                    name: &call.name,
                    arguments: &tools::shown_arguments(call),
                });
                self.doing.0 = Phase::Tool;
                let called = tools::call(call, trading.as_ref());
                let result = self.watch(called).await?;
                self.emit(Body::ToolResult {
                    call_id: &call.id,
                    ok: result.ok,
                    content: &result.content,
                });
                prompt.messages.push(PromptMessage::Tool {
                    call_id: call.id.clone(),
                    content: result.content,
                });
            }
        }
        Ok(FinishReason::ToolCalls)
    }

    /// Waits for something while the run may be stopped and says from time to time what it does.
    async fn watch<T>(&mut self, future: impl Future<Output = T>) -> Result<T, Stop> {
        let stopped = self.run.stopped().clone();
        tokio::pin!(future);
        loop {
            let status = self.last_event + self.config.status_after;
            tokio::select! {
                biased;
                () = stopped.cancelled() => return Err(Stop::Asked),
                done = &mut future => return Ok(done),
                () = sleep_until(status) => self.say_status(),
            }
        }
    }

    fn say(&mut self, phase: Phase, attempt: u32, provider: &str) {
        self.doing = (phase, attempt, provider.to_owned());
        self.say_status();
    }

    fn say_status(&mut self) {
        let (phase, attempt, provider) = self.doing.clone();
        self.emit(Body::Status {
            phase,
            attempt,
            provider: &provider,
        });
    }

    fn emit(&mut self, body: Body<'_>) {
        self.run.emit(body);
        self.last_event = Instant::now();
    }

    fn emit_usage(&mut self) {
        if self.usage.any() {
            self.emit(Body::Usage {
                prompt_tokens: self.usage.prompt_tokens,
                completion_tokens: self.usage.completion_tokens,
                estimated: self.usage.estimated,
            });
        }
    }
}

//! Makes one answer: asks providers, turns their chunks into events, calls tools, and ends the run.
//!
//! Inputs are the provider's chunks, the run's stop signal, and deadlines: the next joined delta, the
//! next status of a silent run, and the provider's limits.

mod deltas;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use tokio::time::{Instant, sleep_until};

use self::deltas::Deltas;
use super::config::{ChatConfig, Limits};
use super::event::{Body, Phase};
use super::provider::{Chunk, Failure, Prompt, PromptMessage, Provider, Retry, ToolCall};
use super::store::{Store, UsageRecord};
use super::{FinishReason, Message, Role, Run, Timestamp, tools};
use crate::problem::Code;

/// How often a model may call tools before it has to answer.
const MOST_ROUNDS: u32 = 8;
/// The longest answer; what comes after is cut off.
const LONGEST_ANSWER: usize = 4 * 1024 * 1024;
/// A provider that wants to be left alone for longer is not waited for.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(10);
/// What an answer that is complete may still take.
const LONGEST_COMPLETION: Duration = Duration::from_secs(5);
const FIRST_BACKOFF: Duration = Duration::from_millis(250);

pub struct Producer<'a> {
    config: &'a ChatConfig,
    store: &'a dyn Store,
    run: Arc<Run>,
    providers: Vec<Arc<dyn Provider>>,
    /// When something was last said.
    last_event: Instant,
    /// What a silent run is doing, for `status`.
    doing: (Phase, u32, String),
    usage: Usage,
}

/// Tokens used so far, over all rounds.
#[derive(Default)]
struct Usage {
    prompt_tokens: u64,
    completion_tokens: u64,
    estimated: bool,
}

/// Why producing stops before the answer is complete.
enum Stop {
    /// Cancelled or interrupted from outside.
    Asked,
    Failed(Failure),
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

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl<'a> Producer<'a> {
    pub fn new(
        config: &'a ChatConfig,
        store: &'a dyn Store,
        run: Arc<Run>,
        providers: Vec<Arc<dyn Provider>>,
    ) -> Self {
        Self {
            config,
            store,
            run,
            providers,
            last_event: Instant::now(),
            doing: (Phase::Connecting, 1, String::new()),
            usage: Usage::default(),
        }
    }

    /// Produces the answer, to its end.
    pub async fn produce(mut self, prompt: Prompt) {
        let run = self.run.clone();
        self.emit(Body::RunStarted { model: &run.model });
        let outcome = self.answer(prompt).await;
        self.emit_usage();
        let (finish_reason, failure) = match outcome {
            Ok(finish_reason) => (finish_reason, None),
            Err(Stop::Asked) => (FinishReason::Interrupted, Some(interrupted())),
            Err(Stop::Failed(failure)) => (failure.finish_reason(), Some(failure)),
        };
        self.finish(finish_reason, failure).await;
    }

    /// Ends a run whose production broke.
    pub async fn give_up(self) {
        self.finish(FinishReason::Interrupted, Some(interrupted()))
            .await;
    }

    /// Stores the message, then tells the end: whoever hears of the end finds the message.
    async fn finish(self, finish_reason: FinishReason, failure: Option<Failure>) {
        let sealed = self.run.seal();
        let (finish_reason, error) = match sealed.cancelled {
            true => (FinishReason::Cancelled, None),
            false => (finish_reason, failure.map(|failure| failure.to_error())),
        };
        let run = &self.run;
        let answer = Message {
            message_id: run.ids.message.clone(),
            role: Role::Assistant,
            content: sealed.text,
            reasoning: sealed.reasoning,
            model: Some(run.model.clone()),
            created_at: run.started_at,
            finish_reason: Some(finish_reason),
            error: error.clone(),
            run_id: Some(run.ids.run.clone()),
            last_seq: sealed.seq + 1 + u64::from(error.is_some()),
        };
        let ids = &run.ids;
        let stored = self
            .store
            .finish_turn(&run.user, &ids.conversation, &ids.run, answer);
        if let Err(error) = stored.await {
            tracing::warn!(run_id = %ids.run, %error, "an answer could not be stored");
        }
        if self.usage.any() {
            let record = UsageRecord {
                at: Timestamp::now(),
                model: run.model.clone(),
                prompt_tokens: self.usage.prompt_tokens,
                completion_tokens: self.usage.completion_tokens,
            };
            let recorded = self.store.record_usage(&run.user, record).await;
            if let Err(error) = recorded {
                tracing::warn!(run_id = %ids.run, %error, "usage could not be recorded");
            }
        }
        run.end(finish_reason, error.as_ref());
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

    /// Asks one provider after the other, again where that may help, until one has answered.
    async fn ask(&mut self, prompt: &Prompt) -> Result<Reply, Stop> {
        let providers = self.providers.clone();
        let mut failures: Vec<Failure> = Vec::new();
        for (index, provider) in providers.iter().enumerate() {
            if index > 0 {
                self.say(Phase::Fallback, 1, provider.name());
            }
            let mut attempt = 1;
            let mut plainer = 0;
            loop {
                self.doing = (Phase::Connecting, attempt, provider.name().to_owned());
                let mut shown = false;
                let asked = self.pipe(provider.as_ref(), prompt, &mut shown);
                let failure = match asked.await {
                    Ok(reply) => return Ok(reply),
                    Err(Stop::Failed(failure)) if !shown => failure,
                    Err(stop) => return Err(stop),
                };
                if failure.retry == Retry::Plainer && plainer < 2 {
                    plainer += 1;
                    continue;
                }
                let wait = self.wait_before_retry(&failure, attempt, provider.limits());
                let never = failure.retry == Retry::Never;
                failures.push(failure);
                if never {
                    return Err(worst(failures).into());
                }
                let Some(wait) = wait else {
                    break;
                };
                attempt += 1;
                self.say(Phase::Retrying, attempt, provider.name());
                self.watch(tokio::time::sleep(wait)).await?;
            }
        }
        Err(worst(failures).into())
    }

    /// How long to wait before the same provider is asked again; `None`: it is not.
    fn wait_before_retry(
        &self,
        failure: &Failure,
        attempt: u32,
        limits: Limits,
    ) -> Option<Duration> {
        if failure.retry != Retry::Again || attempt > limits.max_retries {
            return None;
        }
        match failure.retry_after {
            Some(wait) => (wait <= LONGEST_RETRY_AFTER).then_some(wait),
            None => Some(FIRST_BACKOFF * 2_u32.saturating_pow(attempt - 1).min(16)),
        }
    }

    /// Turns one provider's chunks into events. `shown` becomes true with the first token.
    async fn pipe(
        &mut self,
        provider: &dyn Provider,
        prompt: &Prompt,
        shown: &mut bool,
    ) -> Result<Reply, Stop> {
        let limits = provider.limits();
        let mut chunks = provider.ask(prompt);
        let begin = Instant::now();
        let stopped = self.run.stopped().clone();
        let mut last_token: Option<Instant> = None;
        let mut complete_by: Option<Instant> = None;
        let mut deltas = Deltas::new(self.config.join_deltas);
        let mut reply = Reply {
            finish_reason: FinishReason::Stop,
            text: String::new(),
            tool_calls: Vec::new(),
            usage: None,
            reasoning_bytes: 0,
        };
        let ended = loop {
            let patience = match (complete_by, last_token) {
                (Some(limit), _) => limit,
                (None, None) => (begin + limits.first_token).min(begin + limits.total),
                (None, Some(at)) => (at + limits.silence).min(begin + limits.total),
            };
            let status = self.last_event + self.config.status_after;
            let wake = deltas
                .due()
                .map_or(patience, |due| due.min(patience))
                .min(status);
            tokio::select! {
                biased;
                () = stopped.cancelled() => break Err(Stop::Asked),
                chunk = chunks.next() => match chunk {
                    Some(Ok(Chunk::Finished(finish_reason))) => {
                        reply.finish_reason = finish_reason;
                        break Ok(());
                    }
                    Some(Ok(Chunk::Complete)) => {
                        complete_by = Some(Instant::now() + LONGEST_COMPLETION);
                    }
                    Some(Ok(chunk)) => {
                        if self.take(chunk, &mut deltas, &mut reply) {
                            *shown = true;
                            last_token = Some(Instant::now());
                        }
                        if reply.text.len() + reply.reasoning_bytes > LONGEST_ANSWER {
                            reply.finish_reason = FinishReason::Length;
                            break Ok(());
                        }
                    }
                    Some(Err(failure)) => break Err(failure.into()),
                    None => break Err(incomplete().into()),
                },
                () = sleep_until(wake) => {
                    let now = Instant::now();
                    if now >= patience {
                        let first = last_token.is_none();
                        break Err(out_of_patience(first, now >= begin + limits.total).into());
                    }
                    if deltas.due().is_some_and(|due| now >= due) {
                        self.flush(&mut deltas);
                    }
                    if now >= self.last_event + self.config.status_after {
                        self.say_status();
                    }
                }
            }
        };
        // A stopped run shows nothing more; a broken one what was still waiting to be joined.
        self.flush(&mut deltas);
        if ended.is_ok() || *shown {
            self.usage.add(prompt, &reply);
        }
        ended.map(|()| reply)
    }

    /// Takes one chunk; answers whether it was a token.
    fn take(&mut self, chunk: Chunk, deltas: &mut Deltas, reply: &mut Reply) -> bool {
        match chunk {
            Chunk::Accepted => self.doing.0 = Phase::Waiting,
            Chunk::Usage {
                prompt_tokens,
                completion_tokens,
            } => {
                reply.usage = Some((prompt_tokens, completion_tokens));
            }
            Chunk::ToolCalls(calls) => reply.tool_calls = calls,
            Chunk::Text(text) => {
                self.doing.0 = Phase::Waiting;
                reply.text.push_str(&text);
                self.push(deltas, deltas::Kind::Text, &text);
                return true;
            }
            Chunk::Reasoning(text) => {
                self.doing.0 = Phase::Thinking;
                reply.reasoning_bytes += text.len();
                self.push(deltas, deltas::Kind::Reasoning, &text);
                return true;
            }
            Chunk::ToolCallDelta => {
                self.doing.0 = Phase::Tool;
                return true;
            }
            Chunk::Complete | Chunk::Finished(_) => {}
        }
        false
    }

    fn push(&mut self, deltas: &mut Deltas, kind: deltas::Kind, text: &str) {
        if deltas.holds_other_than(kind) {
            self.flush(deltas);
        }
        deltas.push(kind, text);
        if deltas.due().is_some_and(|due| Instant::now() >= due) {
            self.flush(deltas);
        }
    }

    fn flush(&mut self, deltas: &mut Deltas) {
        let Some((kind, text)) = deltas.take(Instant::now()) else {
            return;
        };
        self.emit(match kind {
            deltas::Kind::Text => Body::TextDelta { text: &text },
            deltas::Kind::Reasoning => Body::ReasoningDelta { text: &text },
        });
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

impl Usage {
    fn any(&self) -> bool {
        self.prompt_tokens + self.completion_tokens > 0
    }

    /// Adds what one request used, or an estimate if the provider did not say.
    fn add(&mut self, prompt: &Prompt, reply: &Reply) {
        let (prompt_tokens, completion_tokens) = reply.usage.unwrap_or_else(|| {
            self.estimated = true;
            let told: usize = prompt.messages.iter().map(PromptMessage::length).sum();
            let called = reply.tool_calls.iter().map(|call| call.arguments.len());
            let said = reply.text.len() + reply.reasoning_bytes + called.sum::<usize>();
            (tokens(told), tokens(said))
        });
        self.prompt_tokens += prompt_tokens;
        self.completion_tokens += completion_tokens;
    }
}

/// A usual token is about four bytes.
fn tokens(bytes: usize) -> u64 {
    bytes.div_ceil(4) as u64
}

/// What is told when nobody answered: when to come back, if anybody said so, else the last word.
fn worst(failures: Vec<Failure>) -> Failure {
    let soonest = failures
        .iter()
        .filter(|failure| failure.retry_after.is_some())
        .min_by_key(|failure| failure.retry_after)
        .cloned();
    soonest
        .or_else(|| failures.into_iter().next_back())
        .unwrap_or_else(Failure::unreachable)
}

fn interrupted() -> Failure {
    let message = "The server stopped while it made this answer.";
    Failure::new(Code::Interrupted, message, Retry::Never)
}

fn incomplete() -> Failure {
    Failure::invalid("The model provider's answer ended before it was complete.")
}

fn out_of_patience(first_token: bool, total: bool) -> Failure {
    Failure::stalled(match (total, first_token) {
        (true, _) => "The answer took longer than it may.",
        (false, true) => "The model provider did not begin to answer in time.",
        (false, false) => "The model provider fell silent.",
    })
}

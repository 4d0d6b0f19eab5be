//! One provider's chunks as the run's events, within the provider's limits.

use std::time::Duration;

use futures_util::StreamExt;
use tokio::time::{Instant, sleep_until};

use super::deltas::{self, Deltas};
use super::{Producer, Reply, Stop};
use crate::chat::FinishReason;
use crate::chat::event::{Body, Phase};
use crate::chat::provider::{Chunk, Failure, Prompt, Provider};

/// The longest answer; what comes after is cut off.
const LONGEST_ANSWER: usize = 4 * 1024 * 1024;
/// What an answer that is complete may still take.
const LONGEST_COMPLETION: Duration = Duration::from_secs(5);

impl Producer<'_> {
    /// Turns one provider's chunks into events. `shown` becomes true with the first token.
    pub(super) async fn pipe(
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

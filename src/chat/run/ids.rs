//! What every event of a run names, and the events that stand for others.

use crate::chat::event::{Body, ChatEvent};
use crate::chat::{ConversationId, FinishReason, Message, MessageId, RunError, RunId, Timestamp};
use crate::eventlog::Event;

#[derive(Clone, Debug)]
pub struct RunIds {
    pub conversation: ConversationId,
    pub run: RunId,
    pub message: MessageId,
}

impl RunIds {
    pub(super) fn encode(&self, seq: u64, body: Body<'_>) -> Vec<u8> {
        ChatEvent {
            conversation_id: &self.conversation,
            run_id: &self.run,
            message_id: &self.message,
            seq,
            ts: Timestamp::now(),
            body,
        }
        .to_json()
    }

    pub(super) fn snapshot(&self, text: &str, reasoning: &str, last_seq: u64) -> Event {
        let body = Body::Snapshot {
            text,
            reasoning,
            last_seq,
        };
        Event::standing_for(body.name(), last_seq, self.encode(last_seq, body))
    }
}

/// How a run ends: with an error if there was one, and always with `run.finished`.
pub(super) fn last_events(
    finish_reason: FinishReason,
    error: Option<&RunError>,
) -> impl Iterator<Item = Body<'_>> {
    error
        .map(|error| Body::RunError { error })
        .into_iter()
        .chain([Body::RunFinished { finish_reason }])
}

/// Tells an ended run again from its finished message, when its log is gone: what was said as a
/// snapshot, then the end under its own numbers.
pub fn retell(
    conversation: ConversationId,
    run: RunId,
    answer: &Message,
    after_seq: u64,
) -> Vec<Event> {
    let ids = RunIds {
        conversation,
        run,
        message: answer.message_id.clone(),
    };
    if after_seq == answer.last_seq {
        return Vec::new();
    }
    let finish_reason = answer.finish_reason.unwrap_or(FinishReason::Stop);
    let last: Vec<_> = last_events(finish_reason, answer.error.as_ref()).collect();
    let mut seq = answer.last_seq.saturating_sub(last.len() as u64);
    let mut events = vec![ids.snapshot(&answer.content, &answer.reasoning, seq)];
    for body in last {
        seq += 1;
        events.push(Event::standing_for(body.name(), seq, ids.encode(seq, body)));
    }
    events
}

//! What the scripts answer, as values.

use crate::chat::history::History;
use crate::chat::store::{Begun, Opened, Started, StoreError, Turn};
use crate::chat::{
    ConversationId, ConversationSummary, Message, MessageId, Page, Role, RunId, Timestamp,
};
use crate::redis::Value;

pub fn begun(turn: &Turn, answer: Value) -> Result<Begun, StoreError> {
    let items = answer.into_list()?;
    let [what, rest @ ..] = &items[..] else {
        return Err(unexpected());
    };
    match (what.as_text(), rest) {
        (Some("repeated"), [started]) => Ok(Begun::Repeated(json(started)?)),
        (Some("conflict"), _) => Err(StoreError::KeyConflict),
        (Some("active"), [run]) => Err(StoreError::RunActive(RunId::from(text(run)?))),
        (Some("not_found"), _) => Err(StoreError::NotFound),
        (Some("role"), _) => Err(StoreError::not_a_message_of(match &turn.change {
            crate::chat::store::Change::Edit { .. } => Role::User,
            _ => Role::Assistant,
        })),
        (Some("new"), [question, newest_first @ ..]) => Ok(Begun::New {
            started: Started {
                conversation_id: turn.change.conversation().clone(),
                user_message_id: MessageId::from(text(question)?),
                message_id: turn.message_id.clone(),
                run_id: turn.run_id.clone(),
            },
            history: history(newest_first)?,
        }),
        _ => Err(unexpected()),
    }
}

fn history(newest_first: &[Value]) -> Result<Vec<(Role, std::sync::Arc<str>)>, StoreError> {
    let mut history = History::default();
    for value in newest_first {
        let message = message(value)?;
        if !history.push(message.role, message.content) {
            break;
        }
    }
    Ok(history.into_messages())
}

pub fn opened(answer: Value) -> Result<Opened, StoreError> {
    let items = found(answer)?;
    let [title, run, messages @ ..] = &items[..] else {
        return Err(unexpected());
    };
    Ok(Opened {
        title: text(title)?.to_owned(),
        messages: messages.iter().map(message).collect::<Result<_, _>>()?,
        active_run: run_of(run)?,
    })
}

/// A page from one item more than it may hold.
pub fn page(answer: Value, limit: usize) -> Result<Page<ConversationSummary>, StoreError> {
    let values = answer.into_list()?;
    let rows = values.chunks_exact(7);
    let has_more = rows.len() > limit;
    let mut items = Vec::with_capacity(rows.len());
    let mut last = None;
    for row in rows.take(limit) {
        last = Some(text(&row[0])?.to_owned());
        items.push(summary(row)?);
    }
    Ok(Page {
        items,
        next_cursor: last.filter(|_| has_more),
    })
}

fn summary(row: &[Value]) -> Result<ConversationSummary, StoreError> {
    let count = row[6].as_integer().ok_or_else(unexpected)?;
    Ok(ConversationSummary {
        conversation_id: ConversationId::from(text(&row[1])?),
        title: text(&row[2])?.to_owned(),
        created_at: time(&row[3])?,
        updated_at: time(&row[4])?,
        message_count: usize::try_from(count).map_err(|_| unexpected())?,
        active_run_id: run_of(&row[5])?,
    })
}

pub fn deleted(answer: Value) -> Result<(), StoreError> {
    let items = answer.into_list()?;
    match &items[..] {
        [what] if what.as_text() == Some("deleted") => Ok(()),
        [what] if what.as_text() == Some("not_found") => Err(StoreError::NotFound),
        [_, run] => Err(StoreError::RunActive(RunId::from(text(run)?))),
        _ => Err(unexpected()),
    }
}

pub fn answer(answer: Value) -> Result<(ConversationId, Message), StoreError> {
    match &found(answer)?[..] {
        [conversation, value] => Ok((ConversationId::from(text(conversation)?), message(value)?)),
        _ => Err(unexpected()),
    }
}

pub fn unexpected() -> StoreError {
    tracing::error!("Redis holds something unexpected in place of a conversation");
    StoreError::Unavailable
}

/// Nothing means that there is no such thing.
fn found(answer: Value) -> Result<Vec<Value>, StoreError> {
    match answer.is_nil() {
        true => Err(StoreError::NotFound),
        false => Ok(answer.into_list()?),
    }
}

/// `<index> <role> <run> <JSON>`
fn message(value: &Value) -> Result<Message, StoreError> {
    let bytes = value.as_bytes().ok_or_else(unexpected)?;
    let json = bytes.splitn(4, |byte| *byte == b' ').nth(3);
    let message = json.and_then(|json| Message::from_stored(json).ok());
    message.ok_or_else(unexpected)
}

fn run_of(value: &Value) -> Result<Option<RunId>, StoreError> {
    let run = text(value)?;
    Ok((!run.is_empty()).then(|| RunId::from(run)))
}

fn time(value: &Value) -> Result<Timestamp, StoreError> {
    let time = chrono::DateTime::parse_from_rfc3339(text(value)?);
    let time = time.map_err(|_| unexpected())?;
    Ok(Timestamp(time.to_utc()))
}

fn json<T: serde::de::DeserializeOwned>(value: &Value) -> Result<T, StoreError> {
    let bytes = value.as_bytes().ok_or_else(unexpected)?;
    serde_json::from_slice(bytes).map_err(|_| unexpected())
}

fn text(value: &Value) -> Result<&str, StoreError> {
    value.as_text().ok_or_else(unexpected)
}

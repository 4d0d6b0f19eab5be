//! How an answer begins and ends.

use redb::ReadableTable;

use super::EmbeddedBounds;
use super::changes::{evict, push, touch, truncate};
use super::keys::{remember, repeated};
use super::parts::forget;
use super::tables::{Conversation, Tables, conversation, index_of, messages, written};
use crate::chat::history::History;
use crate::chat::message::title_of;
use crate::chat::store::{Begun, Change, Claim, Started, StoreError, Turn, TurnEnd, UsageRecord};
use crate::chat::{ConversationId, Message, MessageId, Role, RunId, UserId};

pub fn begin(
    tables: &mut Tables<'_>,
    bounds: &EmbeddedBounds,
    turn: &Turn,
) -> Result<Begun, StoreError> {
    if let Some(started) = repeated(tables, turn)? {
        return Ok(Begun::Repeated(started));
    }
    let id = turn.change.conversation();
    let (mut found, user_message_id) = apply(tables, turn, id)?;
    let started = Started {
        conversation_id: id.clone(),
        user_message_id,
        message_id: turn.message_id.clone(),
        run_id: turn.run_id.clone(),
    };
    remember(tables, bounds, turn, &started)?;
    let mut history = History::default();
    for message in messages(&tables.messages, &turn.user, id, 0..found.length)?.rev() {
        let message = message?;
        if !history.push(message.role, message.content) {
            break;
        }
    }
    found.active_run = Some(turn.run_id.clone());
    let claim = written(&Claim::of(turn));
    let key = (&*turn.user, &*turn.run_id);
    tables.claims.insert(key, claim.as_slice())?;
    touch(tables, &turn.user, id, found, turn.at)?;
    evict(tables, bounds)?;
    Ok(Begun::New {
        started,
        history: history.into_messages(),
    })
}

/// Makes the change and answers the user's message that is to be answered.
fn apply(
    tables: &mut Tables<'_>,
    turn: &Turn,
    id: &ConversationId,
) -> Result<(Conversation, MessageId), StoreError> {
    let user = &turn.user;
    let mut found = match &turn.change {
        Change::Create { title, .. } => Conversation::new(title.clone(), turn.at),
        _ => conversation(&tables.conversations, user, id)?,
    };
    let (message, content) = match &turn.change {
        Change::Create {
            message, content, ..
        }
        | Change::Append {
            message, content, ..
        } => {
            free(&found)?;
            (message.clone(), content)
        }
        Change::Edit {
            message, content, ..
        } => {
            let index = place(tables, user, id, &found, message, Role::User)?;
            truncate(tables, user, id, &mut found, index)?;
            (message.clone(), content)
        }
        Change::Regenerate { message, .. } => {
            let index = place(tables, user, id, &found, message, Role::Assistant)?;
            truncate(tables, user, id, &mut found, index)?;
            let mut last = messages(&tables.messages, user, id, 0..index)?;
            let question = last.next_back().ok_or(StoreError::NotFound)??;
            let question = question.message_id;
            drop(last);
            return Ok((found, question));
        }
    };
    let question = Message::from_user(message.clone(), content.clone(), turn.at);
    push(tables, user, id, &mut found, &question)?;
    Ok((found, message))
}

/// Where a message of that role stands in a conversation that nobody is answering.
fn place(
    tables: &Tables<'_>,
    user: &UserId,
    id: &ConversationId,
    found: &Conversation,
    message: &MessageId,
    role: Role,
) -> Result<u64, StoreError> {
    let Some(index) = index_of(&tables.index, user, id, message)? else {
        // Perhaps it is the message that is being made.
        free(found)?;
        return Err(StoreError::NotFound);
    };
    let mut there = messages(&tables.messages, user, id, index..index + 1)?;
    let there = there.next().ok_or(StoreError::NotFound)??;
    if there.role != role {
        return Err(StoreError::not_a_message_of(role));
    }
    free(found)?;
    Ok(index)
}

fn free(found: &Conversation) -> Result<(), StoreError> {
    match &found.active_run {
        Some(run) => Err(StoreError::RunActive(run.clone())),
        None => Ok(()),
    }
}

pub fn finish(
    tables: &mut Tables<'_>,
    bounds: &EmbeddedBounds,
    end: &TurnEnd,
) -> Result<bool, StoreError> {
    let (user, id) = (&end.user, &end.conversation);
    if let Some(usage) = &end.usage {
        record(tables, bounds, user, &end.run, usage)?;
    }
    tables.claims.remove((&**user, &*end.run))?;
    forget(tables, user, &end.run)?;
    let found = match conversation(&tables.conversations, user, id) {
        Err(StoreError::NotFound) => None,
        found => Some(found?),
    };
    let Some(mut found) = claimed(tables, end, found)? else {
        return Ok(false);
    };
    push(tables, user, id, &mut found, &end.answer)?;
    found.active_run = None;
    touch(tables, user, id, found, end.at)?;
    evict(tables, bounds)?;
    Ok(true)
}

/// The conversation if the run still holds it. One that has lost the turn gets the question again.
fn claimed(
    tables: &mut Tables<'_>,
    end: &TurnEnd,
    found: Option<Conversation>,
) -> Result<Option<Conversation>, StoreError> {
    let holder = found.as_ref().and_then(|found| found.active_run.as_ref());
    if holder == Some(&end.run) {
        return Ok(found);
    }
    let (user, id) = (&end.user, &end.conversation);
    let known = index_of(&tables.index, user, id, &end.answer.message_id)?;
    let Some(question) = end
        .question
        .as_ref()
        .filter(|_| holder.is_none() && known.is_none())
    else {
        return Ok(None);
    };
    let new = || Conversation::new(title_of(&question.content), question.created_at);
    let mut found = found.unwrap_or_else(new);
    if index_of(&tables.index, user, id, &question.message_id)?.is_none() {
        push(tables, user, id, &mut found, question)?;
    }
    Ok(Some(found))
}

fn record(
    tables: &mut Tables<'_>,
    bounds: &EmbeddedBounds,
    user: &UserId,
    run: &RunId,
    usage: &UsageRecord,
) -> Result<(), StoreError> {
    let json = written(usage);
    let key = (&**user, usage.at.0.timestamp_millis(), &**run);
    if tables.usage.insert(key, json.as_slice())?.is_some() {
        return Ok(());
    }
    let count = format!("usage:{user}");
    if tables.add(&count, 1)? <= bounds.usage_records_per_user {
        return Ok(());
    }
    let range = (&**user, i64::MIN, "")..(&**user, i64::MAX, "");
    let oldest = tables.usage.range::<(&str, i64, &str)>(range)?.next();
    let oldest = oldest.transpose()?.map(|(key, _)| {
        let (_, at, run) = key.value();
        (at, run.to_owned())
    });
    if let Some((at, run)) = oldest {
        tables.usage.remove((&**user, at, run.as_str()))?;
        tables.add(&count, -1)?;
    }
    Ok(())
}

//! What changes a conversation: its place among all, its messages, its end.

use redb::ReadableTable;

use super::EmbeddedBounds;
use super::tables::{Conversation, Tables, conversation, messages, written};
use crate::chat::store::StoreError;
use crate::chat::{ConversationId, Message, Timestamp, UserId};

const CHANGES: &str = "changes";
const BYTES: &str = "bytes";

/// What keeping a message costs besides its text, roughly.
const OVERHEAD: usize = 256;

pub fn rename(
    tables: &mut Tables<'_>,
    user: &UserId,
    id: &ConversationId,
    title: String,
) -> Result<(), StoreError> {
    let mut found = conversation(&tables.conversations, user, id)?;
    found.title = title;
    put(tables, user, id, &found)
}

pub fn delete(
    tables: &mut Tables<'_>,
    user: &UserId,
    id: &ConversationId,
) -> Result<(), StoreError> {
    let found = conversation(&tables.conversations, user, id)?;
    if let Some(run) = found.active_run {
        return Err(StoreError::RunActive(run));
    }
    remove(tables, user, id, found)
}

pub fn put(
    tables: &mut Tables<'_>,
    user: &UserId,
    id: &str,
    found: &Conversation,
) -> Result<(), StoreError> {
    let json = written(found);
    let key = (&**user, id);
    tables.conversations.insert(key, json.as_slice())?;
    Ok(())
}

/// Writes a conversation back and puts it to the front of its user's list.
pub fn touch(
    tables: &mut Tables<'_>,
    user: &UserId,
    id: &ConversationId,
    mut found: Conversation,
    at: Timestamp,
) -> Result<(), StoreError> {
    tables.by_change.remove((&**user, found.change))?;
    tables.quiet.remove(found.change)?;
    found.change = tables.add(CHANGES, 1)?;
    found.updated_at = at;
    tables.by_change.insert((&**user, found.change), &**id)?;
    tables.quiet.insert(found.change, (&**user, &**id))?;
    put(tables, user, id, &found)
}

/// Adds a message at the end.
pub fn push(
    tables: &mut Tables<'_>,
    user: &UserId,
    id: &ConversationId,
    found: &mut Conversation,
    message: &Message,
) -> Result<(), StoreError> {
    let json = message.to_stored();
    let index = found.length;
    tables
        .messages
        .insert((&**user, &**id, index), json.as_slice())?;
    tables
        .index
        .insert((&**user, &**id, &*message.message_id), index)?;
    if let Some(run) = &message.run_id {
        let place = (&**id, &*message.message_id);
        tables.answers.insert((&**user, &**run), place)?;
    }
    found.length += 1;
    tables.add(BYTES, size(message))?;
    Ok(())
}

/// Removes the messages from an index on.
pub fn truncate(
    tables: &mut Tables<'_>,
    user: &UserId,
    id: &str,
    found: &mut Conversation,
    length: u64,
) -> Result<(), StoreError> {
    let removed = messages(&tables.messages, user, id, length..found.length)?;
    let removed: Vec<Message> = removed.collect::<Result<_, _>>()?;
    for (index, message) in (length..).zip(&removed) {
        tables.messages.remove((&**user, id, index))?;
        tables.index.remove((&**user, id, &*message.message_id))?;
        if let Some(run) = &message.run_id {
            tables.answers.remove((&**user, &**run))?;
        }
        tables.add(BYTES, -size(message))?;
    }
    found.length = found.length.min(length);
    Ok(())
}

/// Forgets the quietest conversations until there is room, never one that is being answered, nor
/// the newest: it is the one being written to.
pub fn evict(tables: &mut Tables<'_>, bounds: &EmbeddedBounds) -> Result<(), StoreError> {
    let mut passed = 0;
    while tables.number(BYTES)? > bounds.bytes {
        let newest = tables.number(CHANGES)?;
        let next = tables
            .quiet
            .range(passed + 1..newest.max(passed + 1))?
            .next();
        let Some(next) = next.transpose()? else {
            return Ok(());
        };
        passed = next.0.value();
        let (user, id) = next.1.value();
        let (user, id) = (UserId::from(user), ConversationId::from(id));
        drop(next);
        let found = conversation(&tables.conversations, &user, &id)?;
        if found.active_run.is_none() {
            remove(tables, &user, &id, found)?;
        }
    }
    Ok(())
}

fn remove(
    tables: &mut Tables<'_>,
    user: &UserId,
    id: &ConversationId,
    mut found: Conversation,
) -> Result<(), StoreError> {
    truncate(tables, user, id, &mut found, 0)?;
    tables.by_change.remove((&**user, found.change))?;
    tables.quiet.remove(found.change)?;
    tables.conversations.remove((&**user, &**id))?;
    Ok(())
}

fn size(message: &Message) -> i64 {
    (message.content.len() + message.reasoning.len() + OVERHEAD) as i64
}

//! What is only looked at.

use super::parts::said;
use super::tables::{View, conversation, index_of, messages, read};
use crate::chat::store::{Claim, LeftBehind, Opened, StoreError, UsageRecord};
use crate::chat::{
    ConversationId, ConversationSummary, Message, MessageId, Page, RunId, Timestamp, UserId,
};

/// The first text after every text that begins with a user's name.
const LAST: &str = "\u{10FFFF}";

pub fn open(
    view: &View,
    user: &UserId,
    id: &ConversationId,
    before: Option<&MessageId>,
    limit: usize,
) -> Result<Opened, StoreError> {
    let found = conversation(&view.conversations, user, id)?;
    let end = match before {
        Some(message) => index_of(&view.index, user, id, message)?.ok_or(StoreError::NotFound)?,
        None => found.length,
    };
    let first = end.saturating_sub(limit as u64);
    let page = messages(&view.messages, user, id, first..end)?;
    Ok(Opened {
        title: found.title,
        messages: page.collect::<Result<_, _>>()?,
        active_run: found.active_run,
    })
}

pub fn list(
    view: &View,
    user: &UserId,
    cursor: Option<&str>,
    limit: usize,
) -> Result<Page<ConversationSummary>, StoreError> {
    let before = match cursor {
        Some(cursor) => cursor.parse().map_err(|_| StoreError::NOT_A_CURSOR)?,
        None => u64::MAX,
    };
    let range = (&**user, 0)..(&**user, before);
    let mut newest = view.by_change.range::<(&str, u64)>(range)?.rev().peekable();
    let mut items = Vec::new();
    let mut last = 0;
    for entry in newest.by_ref().take(limit) {
        let (key, id) = entry?;
        last = key.value().1;
        items.push(conversation(&view.conversations, user, id.value())?.summary(id.value()));
    }
    let next_cursor = newest.peek().map(|_| last.to_string());
    Ok(Page { items, next_cursor })
}

pub fn answer_of(
    view: &View,
    user: &UserId,
    run: &RunId,
) -> Result<(ConversationId, Message), StoreError> {
    let place = view.answers.get((&**user, &**run))?;
    let place = place.ok_or(StoreError::NotFound)?;
    let (id, message) = place.value();
    let index = index_of(&view.index, user, id, &MessageId::from(message))?;
    let index = index.ok_or(StoreError::NotFound)?;
    let mut found = messages(&view.messages, user, id, index..index + 1)?;
    let message = found.next().ok_or(StoreError::NotFound)??;
    Ok((ConversationId::from(id), message))
}

pub fn claims(view: &View, user: &UserId) -> Result<Vec<Claim>, StoreError> {
    let range = (&**user, "")..(&**user, LAST);
    let found = view.claims.range::<(&str, &str)>(range)?;
    let read = found.map(|entry| read::<Claim>(entry?.1.value()));
    let mut claims: Vec<Claim> = read.collect::<Result<_, _>>()?;
    claims.sort_by_key(|claim| claim.started_at);
    Ok(claims)
}

pub fn left_behind(view: &View) -> Result<Vec<LeftBehind>, StoreError> {
    let found = view.claims.range::<(&str, &str)>(..)?;
    let read = found.map(|entry| {
        let (key, json) = entry?;
        let user = UserId::from(key.value().0);
        let claim: Claim = read(json.value())?;
        let said = said(view, &user, &claim.run_id)?;
        Ok(LeftBehind { user, claim, said })
    });
    read.collect()
}

pub fn usage(
    view: &View,
    user: &UserId,
    from: Timestamp,
    to: Timestamp,
) -> Result<Vec<UsageRecord>, StoreError> {
    let (from, to) = (from.0.timestamp_millis(), to.0.timestamp_millis());
    let range = (&**user, from, "")..(&**user, to.max(from), "");
    let found = view.usage.range::<(&str, i64, &str)>(range)?;
    found.map(|entry| read(entry?.1.value())).collect()
}

//! Which conversations a connection has open: its own note of it, which goes where it goes.

use crate::chat::ConversationId;
use crate::signalr::hub::HubCallerContext;

/// The connection's item that lists them, the longest open first.
const OPEN: &str = "open";
/// Whoever opens more closes the one that was opened first.
const MOST_OPEN: usize = 1_000;

pub fn all(context: &HubCallerContext) -> Vec<ConversationId> {
    context.items().get(OPEN).unwrap_or_default()
}

/// Notes one; answers the one that had to make room.
pub fn add(context: &HubCallerContext, conversation: &ConversationId) -> Option<ConversationId> {
    let mut open = all(context);
    if open.contains(conversation) {
        return None;
    }
    open.push(conversation.clone());
    let closed = (open.len() > MOST_OPEN).then(|| open.remove(0));
    context.items().set(OPEN, &open);
    closed
}

pub fn remove(context: &HubCallerContext, conversation: &ConversationId) {
    let mut open = all(context);
    open.retain(|other| other != conversation);
    context.items().set(OPEN, &open);
}

//! How an answer begins and ends.

use bytes::Bytes;

use super::keys::Keys;
use super::{answers, number, text};
use crate::chat::history::HISTORY_BYTES;
use crate::chat::message::title_of;
use crate::chat::store::{Begun, Change, Claim, StoreError, Turn, TurnEnd};
use crate::chat::{Message, Timestamp};
use crate::redis::{RedisService, Script};

static BEGIN: Script = Script::new(include_str!("begin_turn.lua"));
static FINISH: Script = Script::new(include_str!("finish_turn.lua"));

/// How long a client's message id is remembered.
const KEY_SECONDS: usize = 24 * 60 * 60;
/// Usage records of one user.
const MOST_USAGE: usize = 100_000;

pub async fn begin(redis: &RedisService, turn: &Turn) -> Result<Begun, StoreError> {
    let keys = Keys::new(redis, &turn.user);
    let id = turn.change.conversation();
    let (key, fingerprint) = match &turn.key {
        Some((key, fingerprint)) => (&**key, fingerprint.to_string()),
        None => ("", String::new()),
    };
    let names = vec![
        keys.conversation(id),
        keys.order(id),
        keys.messages(id),
        keys.list(),
        keys.answers(),
        keys.claims(),
        keys.changes(),
        keys.key(key),
    ];
    let (kind, message, content, title) = parts(&turn.change);
    let question = content
        .map(|content| Message::from_user(message.clone(), content.clone(), turn.at).to_stored());
    let arguments = vec![
        text(kind),
        text(id),
        text(message),
        question.unwrap_or_default().into(),
        text(title),
        time(turn.at),
        text(&turn.run_id),
        text(&turn.message_id),
        json(&Claim::of(turn)),
        fingerprint.into(),
        number(KEY_SECONDS),
        number(HISTORY_BYTES),
    ];
    answers::begun(turn, redis.script(&BEGIN, names, arguments).await?)
}

fn parts(
    change: &Change,
) -> (
    &'static str,
    &crate::chat::MessageId,
    Option<&std::sync::Arc<str>>,
    &str,
) {
    match change {
        Change::Create {
            message,
            content,
            title,
            ..
        } => ("create", message, Some(content), title),
        Change::Append {
            message, content, ..
        } => ("append", message, Some(content), ""),
        Change::Edit {
            message, content, ..
        } => ("edit", message, Some(content), ""),
        Change::Regenerate { message, .. } => ("regenerate", message, None, ""),
    }
}

pub async fn finish(redis: &RedisService, end: &TurnEnd) -> Result<bool, StoreError> {
    let keys = Keys::new(redis, &end.user);
    let id = &end.conversation;
    let names = vec![
        keys.conversation(id),
        keys.order(id),
        keys.messages(id),
        keys.list(),
        keys.answers(),
        keys.claims(),
        keys.changes(),
        keys.usage(),
    ];
    let question = end.question.as_ref();
    let usage = end.usage.as_ref();
    let usage_at = usage.map_or(0, |usage| usage.at.0.timestamp_millis());
    let arguments = vec![
        text(id),
        text(&end.run),
        text(&end.answer.message_id),
        end.answer.to_stored().into(),
        time(end.at),
        usage.map_or_else(Bytes::new, json),
        usage_at.to_string().into(),
        number(MOST_USAGE),
        text(question.map_or("", |question| &question.message_id)),
        question.map_or_else(Bytes::new, |question| question.to_stored().into()),
        question.map_or_else(Bytes::new, |question| title_of(&question.content).into()),
        question.map_or_else(Bytes::new, |question| time(question.created_at)),
    ];
    let answer = redis.script(&FINISH, names, arguments).await?;
    Ok(answer.as_integer() == Some(1))
}

fn time(at: Timestamp) -> Bytes {
    at.0.to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
        .into()
}

fn json(value: &impl serde::Serialize) -> Bytes {
    let json = serde_json::to_vec(value).expect("has string keys and finite numbers");
    json.into()
}

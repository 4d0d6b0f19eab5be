//! What the scripts answer, as values.

use std::sync::Arc;

use crate::eventlog::{Appended, Epoch, Event, StoreError, Stored, Tail};
use crate::redis::Value;

use super::frame;

/// Fence and whether the log is new; or who owns it.
pub fn acquired(answer: Value) -> Result<Result<(u64, bool), Arc<str>>, StoreError> {
    let items = answer.into_list()?;
    match &items[..] {
        [Value::Integer(1), fence, is_new] => {
            let is_new = is_new.as_integer() == Some(1);
            Ok(Ok((unsigned(fence)?, is_new)))
        }
        [Value::Integer(0), owner] => Ok(Err(owner.as_text().ok_or_else(damaged)?.into())),
        _ => Err(damaged()),
    }
}

pub fn appended(answer: Value, count: usize) -> Result<Vec<Appended>, StoreError> {
    let items = answer.into_list()?;
    if items.len() != count {
        return Err(damaged());
    }
    let one = |item: &Value| match item.as_integer() {
        Some(-1) => Ok(Appended::Fenced),
        Some(-2) => Ok(Appended::Missing),
        _ => unsigned(item).map(Appended::UpTo),
    };
    items.iter().map(one).collect()
}

pub fn stored(answer: Value) -> Result<Option<Stored>, StoreError> {
    if answer.is_nil() {
        return Ok(None);
    }
    let items = answer.into_list()?;
    let [
        epoch,
        seq,
        owner,
        about,
        ended,
        snapshot_seq,
        snapshot,
        frames @ ..,
    ] = &items[..]
    else {
        return Err(damaged());
    };
    let owner = owner.as_text().filter(|owner| !owner.is_empty());
    let has_snapshot = snapshot_seq.as_text() != Some("");
    let snapshot = match has_snapshot {
        true => Some((unsigned(snapshot_seq)?, bytes(snapshot)?)),
        false => None,
    };
    let mut events: Vec<Event> = frames.iter().map(event).collect::<Result<_, _>>()?;
    // Durable ones have no revision of their own here, so they keep their place.
    events.sort_by_key(|event| event.revision);
    Ok(Some(Stored {
        epoch: Epoch::from(epoch.as_text().ok_or_else(damaged)?),
        seq: unsigned(seq)?,
        owner: owner.map(Arc::from),
        about: bytes(about)?,
        ended: ended.as_text() == Some("1"),
        snapshot,
        events,
    }))
}

pub fn tails(answer: Value, count: usize) -> Result<Vec<Option<Tail>>, StoreError> {
    let items = answer.into_list()?;
    if items.len() != count {
        return Err(damaged());
    }
    items.iter().map(tail).collect()
}

/// `+12`, or `-12` of a log that has ended.
fn tail(item: &Value) -> Result<Option<Tail>, StoreError> {
    if item.is_nil() {
        return Ok(None);
    }
    let text = item.as_text().ok_or_else(damaged)?;
    let (sign, number) = text.split_at_checked(1).ok_or_else(damaged)?;
    Ok(Some(Tail {
        seq: number.parse().map_err(|_| damaged())?,
        ended: sign == "-",
    }))
}

fn event(frame: &Value) -> Result<Event, StoreError> {
    frame.as_bytes().and_then(frame::decode).ok_or_else(damaged)
}

fn bytes(value: &Value) -> Result<bytes::Bytes, StoreError> {
    value.as_bytes().cloned().ok_or_else(damaged)
}

fn unsigned(value: &Value) -> Result<u64, StoreError> {
    let number = value.as_integer();
    number
        .and_then(|number| u64::try_from(number).ok())
        .ok_or_else(damaged)
}

fn damaged() -> StoreError {
    StoreError::Damaged("a log's script answered with something unexpected".to_owned())
}

//! Client message ids: a request that was sent twice is answered once.

use chrono::Utc;
use redb::ReadableTable;

use super::EmbeddedBounds;
use super::tables::{Key, Tables, read, written};
use crate::chat::store::{Started, StoreError, Turn};

/// How long a client's message id is remembered.
const LIFETIME_MS: i64 = 24 * 60 * 60 * 1000;

const COUNT: &str = "keys";

/// The first answer to a request that came before.
pub fn repeated(tables: &mut Tables<'_>, turn: &Turn) -> Result<Option<Started>, StoreError> {
    let Some((key, fingerprint)) = &turn.key else {
        return Ok(None);
    };
    forget_old(tables)?;
    let Some(known) = tables.keys.get((&*turn.user, &**key))? else {
        return Ok(None);
    };
    let known: Key = read(known.value())?;
    if known.fingerprint != *fingerprint {
        return Err(StoreError::KeyConflict);
    }
    Ok(Some(known.started))
}

pub fn remember(
    tables: &mut Tables<'_>,
    bounds: &EmbeddedBounds,
    turn: &Turn,
    started: &Started,
) -> Result<(), StoreError> {
    let Some((key, fingerprint)) = &turn.key else {
        return Ok(());
    };
    let at = Utc::now().timestamp_millis();
    let known = Key {
        fingerprint: *fingerprint,
        at,
        started: started.clone(),
    };
    let json = written(&known);
    tables.keys.insert((&*turn.user, &**key), json.as_slice())?;
    tables.key_ages.insert((at, &*turn.user, &**key), ())?;
    if tables.add(COUNT, 1)? > bounds.keys {
        forget_oldest(tables)?;
    }
    Ok(())
}

fn forget_old(tables: &mut Tables<'_>) -> Result<(), StoreError> {
    let limit = Utc::now().timestamp_millis() - LIFETIME_MS;
    loop {
        let oldest = tables.key_ages.first()?;
        let is_old = oldest.is_some_and(|(oldest, _)| oldest.value().0 <= limit);
        if !is_old {
            return Ok(());
        }
        forget_oldest(tables)?;
    }
}

fn forget_oldest(tables: &mut Tables<'_>) -> Result<(), StoreError> {
    let Some((oldest, _)) = tables.key_ages.pop_first()? else {
        return Ok(());
    };
    let (_, user, key) = oldest.value();
    tables.keys.remove((user, key))?;
    drop(oldest);
    tables.add(COUNT, -1)?;
    Ok(())
}

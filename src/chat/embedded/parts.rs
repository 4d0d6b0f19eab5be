//! What runs on their way have said, piece by piece, so that a process that is killed loses only the
//! last piece.

use redb::ReadableTable;

use super::tables::{Tables, View, read, written};
use crate::chat::store::{Part, Said, StoreError};
use crate::chat::{RunId, UserId};

pub fn keep(tables: &mut Tables<'_>, parts: &[Part]) -> Result<(), StoreError> {
    for part in parts {
        let claim = (&*part.user, &*part.run);
        // It may have ended in the meantime.
        if tables.claims.get(claim)?.is_none() {
            continue;
        }
        let key = (&*part.user, &*part.run, part.said.last_seq);
        let json = written(&part.said);
        tables.parts.insert(key, json.as_slice())?;
    }
    Ok(())
}

pub fn forget(tables: &mut Tables<'_>, user: &UserId, run: &RunId) -> Result<(), StoreError> {
    let all = (&**user, &**run, 0)..=(&**user, &**run, u64::MAX);
    tables
        .parts
        .retain_in::<(&str, &str, u64), _>(all, |_, _| false)?;
    Ok(())
}

/// All that was kept of a run.
pub fn said(view: &View, user: &UserId, run: &RunId) -> Result<Said, StoreError> {
    let all = (&**user, &**run, 0)..=(&**user, &**run, u64::MAX);
    let mut whole = Said::default();
    for entry in view.parts.range::<(&str, &str, u64)>(all)? {
        let part: Said = read(entry?.1.value())?;
        whole.text += &part.text;
        whole.reasoning += &part.reasoning;
        whole.last_seq = part.last_seq;
    }
    Ok(whole)
}

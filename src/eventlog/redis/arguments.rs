//! What the scripts are given, as bytes.

use bytes::Bytes;

use super::frame;
use crate::eventlog::Append;

/// One log's part of `append.lua`.
pub fn push_append(arguments: &mut Vec<Bytes>, append: &Append) {
    let nothing = Bytes::new;
    let whole = append.whole.as_ref();
    let snapshot = append.snapshot.as_ref();
    arguments.extend([
        text(append.lease.log.as_str()),
        number(append.lease.fence),
        text(append.epoch.as_str()),
        text(if whole.is_some() { "1" } else { "" }),
        whole.map_or_else(nothing, |whole| whole.about.clone()),
        number(append.trimmed),
        text(if whole.is_some_and(|whole| whole.is_based_on_state) {
            "1"
        } else {
            ""
        }),
        snapshot.map_or_else(nothing, |(seq, _)| number(*seq)),
        snapshot.map_or_else(nothing, |(_, state)| state.clone()),
        append
            .ended
            .map_or_else(nothing, |keep| number(keep.as_secs())),
        number(append.notes.len() as u64),
    ]);
    for note in &append.notes {
        let keep = number(u64::try_from(note.keep.as_millis()).unwrap_or(u64::MAX));
        arguments.extend([text(&note.key), note.value.clone(), keep]);
    }
    arguments.push(number(append.events.len() as u64));
    arguments.extend(
        append
            .events
            .iter()
            .map(|event| frame::encode(event, append.lease.fence)),
    );
}

pub fn text(text: &str) -> Bytes {
    Bytes::copy_from_slice(text.as_bytes())
}

pub fn number(number: u64) -> Bytes {
    Bytes::from(number.to_string())
}

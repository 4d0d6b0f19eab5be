//! How an event is written in the store and in the feed: `D12 text.delta {…}`, that is kind, number,
//! name, body. The scripts read the first letter and the number.

use bytes::{Bytes, BytesMut};
use bytestring::ByteString;

use crate::eventlog::{Event, Kind};

pub fn encode(event: &Event) -> Bytes {
    let head = format!("{}{} {} ", letter(event.kind), event.seq, event.name);
    let mut frame = BytesMut::with_capacity(head.len() + event.body.len());
    frame.extend_from_slice(head.as_bytes());
    frame.extend_from_slice(&event.body);
    frame.freeze()
}

/// `None` for what was not written by [`encode`].
pub fn decode(frame: &Bytes) -> Option<Event> {
    let kind = kind(*frame.first()?)?;
    let after_seq = memchr::memchr(b' ', frame)?;
    let seq = std::str::from_utf8(&frame[1..after_seq]).ok()?;
    let name_at = after_seq + 1;
    let after_name = name_at + memchr::memchr(b' ', &frame[name_at..])?;
    Some(Event {
        kind,
        seq: seq.parse().ok()?,
        name: ByteString::try_from(frame.slice(name_at..after_name)).ok()?,
        body: frame.slice(after_name + 1..),
        revision: 0,
    })
}

fn letter(kind: Kind) -> char {
    match kind {
        Kind::Durable => 'D',
        Kind::Conflated => 'C',
        Kind::Lossy => 'L',
    }
}

fn kind(letter: u8) -> Option<Kind> {
    match letter {
        b'D' => Some(Kind::Durable),
        b'C' => Some(Kind::Conflated),
        b'L' => Some(Kind::Lossy),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_was_written_is_read_again(
            kind in prop_oneof![Just(Kind::Durable), Just(Kind::Conflated), Just(Kind::Lossy)],
            seq in any::<u64>(),
            name in "[A-Za-z.]{0,12}",
            body in ".*",
        ) {
            let event = Event { kind, seq, name: name.into(), body: body.into(), revision: 0 };
            prop_assert_eq!(decode(&encode(&event)), Some(event));
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            let _ = decode(&bytes.into());
        }
    }
}

//! How an event is written in the store and in the feed: `D12 text.delta {…}`, that is kind, number,
//! name, body. The scripts read the first letter and the number. A conflated value has its order
//! among all of its key, and its key with the length before it, in front of the body:
//! `C12 PnlUpdated 70368744177921 3 pnl{…}`.

use bytes::{Bytes, BytesMut};
use bytestring::ByteString;

use crate::eventlog::{Event, Kind};

/// Owners of a log count values each for themselves: below this bit of an order, above it stands
/// the owner's fence.
const FENCE_BIT: u32 = 44;

pub fn encode(event: &Event, fence: u64) -> Bytes {
    let mut head = format!("{}{} {} ", letter(event.kind), event.seq, event.name);
    if event.kind == Kind::Conflated {
        let key = event.key.as_deref().unwrap_or_default();
        let order = (fence << FENCE_BIT) | event.revision;
        head += &format!("{order} {} {key}", key.len());
    }
    let mut frame = BytesMut::with_capacity(head.len() + event.body.len());
    frame.extend_from_slice(head.as_bytes());
    frame.extend_from_slice(&event.body);
    frame.freeze()
}

/// `None` for what was not written by [`encode`]. A conflated value's revision is its order.
pub fn decode(frame: &Bytes) -> Option<Event> {
    let kind = kind(*frame.first()?)?;
    let mut rest = frame.slice(1..);
    let seq = number(&mut rest)?;
    let name = ByteString::try_from(word(&mut rest)?).ok()?;
    let mut event = Event {
        kind,
        seq,
        name,
        key: None,
        body: Bytes::new(),
        revision: 0,
    };
    if kind == Kind::Conflated {
        event.revision = number(&mut rest)?;
        let length = usize::try_from(number(&mut rest)?).ok()?;
        let key = (length <= rest.len()).then(|| rest.split_to(length))?;
        event.key = Some(std::str::from_utf8(&key).ok()?.into());
    }
    event.body = rest;
    Some(event)
}

/// What stands before the next space, which is taken too.
fn word(rest: &mut Bytes) -> Option<Bytes> {
    let end = memchr::memchr(b' ', rest)?;
    let word = rest.split_to(end);
    let _ = rest.split_to(1);
    Some(word)
}

fn number(rest: &mut Bytes) -> Option<u64> {
    std::str::from_utf8(&word(rest)?).ok()?.parse().ok()
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
            key in ".{0,8}",
            (revision, fence) in (0..1_u64 << 44, 0..1_u64 << 20),
            body in ".*",
        ) {
            let is_value = kind == Kind::Conflated;
            let event = Event {
                kind,
                seq,
                name: name.into(),
                key: is_value.then(|| key.into()),
                body: body.into(),
                revision: if is_value { revision } else { 0 },
            };
            let revision = if is_value { (fence << 44) | revision } else { 0 };
            let read = Event { revision, ..event.clone() };
            prop_assert_eq!(decode(&encode(&event, fence)), Some(read));
        }

        #[test]
        fn a_later_owners_value_comes_after_all_of_the_one_before(
            (old, new) in (0..1_u64 << 44, 0..1_u64 << 44),
            fence in 0..1_u64 << 19,
        ) {
            let value = |revision| Event { revision, ..Event::standing_for("Value", 1, "") };
            let order = |revision, fence| {
                decode(&encode(&value(revision), fence)).map(|read| read.revision)
            };
            prop_assert!(order(old, fence) < order(new, fence + 1));
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            let _ = decode(&bytes.into());
        }
    }
}

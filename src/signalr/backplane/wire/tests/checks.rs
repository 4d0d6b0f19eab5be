//! What must hold for any bytes on any channel; shared with the fuzz target.

use super::wire::{Ack, Completion, GroupCommand, Invocation};
use bytes::Bytes;

/// Nothing panics, and what can be read is read the same after writing it again.
pub fn payload(data: &[u8]) {
    let payload = Bytes::copy_from_slice(data);
    if let Ok(ack) = Ack::decode(&payload) {
        assert_eq!(Ack::decode(&ack.encode()), Ok(ack));
    }
    if let Ok(command) = GroupCommand::decode(&payload) {
        assert_eq!(GroupCommand::decode(&command.encode()), Ok(command));
    }
    if let Ok(completion) = Completion::decode(&payload)
        && let Some(protocol) = completion.protocol
    {
        let again = Completion::encode(protocol, &completion.message);
        assert_eq!(Completion::decode(&again), Ok(completion));
    }
    if let Ok(invocation) = Invocation::decode(&payload) {
        again(invocation);
    }
}

fn again(mut invocation: Invocation) {
    let (server, number) = invocation.origin.clone().unwrap_or(("server".into(), 7));
    let written = Invocation::encode(
        invocation.excluded.iter().map(|id| id.as_str()),
        &invocation.message,
        invocation.request.as_ref(),
        &server,
    )
    .seal(number);
    invocation.origin = Some((server, number));
    invocation.malformed_bodies = 0;
    assert_eq!(Invocation::decode(&written), Ok(invocation));
}

//! What the instances of a fleet say to each other, byte for byte as
//! `Microsoft.AspNetCore.SignalR.StackExchangeRedis` does: names of channels, and the MessagePack
//! payload on each of them. No I/O, no clock.
//!
//! | channel | payload |
//! |---|---|
//! | `P:all`, `P:group:<name>`, `P:user:<id>`, `P:connection:<id>` | [`Invocation`] |
//! | `P:internal:groups` | [`GroupCommand`] |
//! | `P:internal:ack:<server>` | [`Ack`] |
//! | `P:internal:return:<server>` | [`Completion`] |
//!
//! `P` is the hub's full .NET type name. Readers are as tolerant as .NET's: an array may be longer
//! than needed, integers and lengths may be written in any width, bytes may follow. What is read
//! shares the memory of what came in.

mod ack;
mod channels;
mod completion;
mod group_command;
mod invocation;
mod serialized;
mod server_name;

#[cfg(test)]
mod tests;

pub use ack::Ack;
pub use channels::{Channel, Channels};
pub use completion::Completion;
pub use group_command::{GroupAction, GroupCommand};
pub use invocation::{Invocation, ResultRequest, Unnumbered};
pub use serialized::SerializedMessage;
pub use server_name::{invocation_id, server_name};

use bytes::Bytes;

use crate::signalr::protocol::messagepack::reader::{Reader, Token};

/// A payload that is not what its channel carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// Fewer elements than the payload needs.
    #[error("Insufficient items in {0} array.")]
    TooShort(&'static str),
    /// An element of another type, or bytes that end too early.
    #[error("'{0}' cannot be read")]
    Unreadable(&'static str),
}

/// Reads the elements of a payload's array; strings and bytes are slices of the payload.
struct Elements<'a> {
    payload: &'a Bytes,
    reader: Reader<'a>,
    count: usize,
}

impl<'a> Elements<'a> {
    fn of(payload: &'a Bytes, what: &'static str, least: usize) -> Result<Self, WireError> {
        let mut reader = Reader::new(payload);
        let count = reader.array_length().ok_or(WireError::Unreadable(what))?;
        if count < least {
            return Err(WireError::TooShort(what));
        }
        Ok(Self {
            payload,
            reader,
            count,
        })
    }

    /// A string, with nil as the empty one.
    fn text(&mut self, what: &'static str) -> Result<String, WireError> {
        let text = self.reader.string().ok_or(WireError::Unreadable(what))?;
        Ok(text.unwrap_or_default().into_owned())
    }

    fn int32(&mut self, what: &'static str) -> Result<i32, WireError> {
        let number = self.reader.integer();
        number
            .and_then(|number| number.try_into().ok())
            .ok_or(WireError::Unreadable(what))
    }

    /// Binary, with nil as none.
    fn binary(&mut self, what: &'static str) -> Result<Bytes, WireError> {
        match self.reader.token() {
            Some(Token::Binary(bytes)) => Ok(self.payload.slice_ref(bytes)),
            Some(Token::Nil) => Ok(Bytes::new()),
            _ => Err(WireError::Unreadable(what)),
        }
    }
}

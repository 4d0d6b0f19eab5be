//! Adding a connection of another instance to a group, or taking it out.

use bytes::Bytes;

use super::{Elements, WireError};
use crate::signalr::protocol::messagepack::writer;

/// What a command does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupAction {
    /// Adds the connection.
    Add,
    /// Takes it out.
    Remove,
    /// A number nobody knows: nothing is done, and that is acknowledged.
    Unknown(i32),
}

impl GroupAction {
    fn number(self) -> i32 {
        match self {
            Self::Add => 1,
            Self::Remove => 2,
            Self::Unknown(number) => number,
        }
    }
}

/// One command, read by every instance; the connection's owner carries it out and acknowledges it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupCommand {
    /// Comes back in the ack. Counted by the requester, any 32-bit value.
    pub id: i32,
    /// The requester's server name, which names its ack channel.
    pub server: String,
    /// What to do.
    pub action: GroupAction,
    /// The group.
    pub group: String,
    /// The connection.
    pub connection: String,
}

impl GroupCommand {
    /// Reads a command.
    pub fn decode(payload: &Bytes) -> Result<Self, WireError> {
        let mut elements = Elements::of(payload, "GroupCommand", 5)?;
        Ok(Self {
            id: elements.int32("id")?,
            server: elements.text("serverName")?,
            action: match elements.int32("action")? {
                1 => GroupAction::Add,
                2 => GroupAction::Remove,
                number => GroupAction::Unknown(number),
            },
            group: elements.text("groupName")?,
            connection: elements.text("connectionId")?,
        })
    }

    /// Writes a command.
    pub fn encode(&self) -> Bytes {
        let texts = self.server.len() + self.group.len() + self.connection.len();
        let mut out = Vec::with_capacity(texts + 22);
        writer::array(&mut out, 5);
        writer::integer(&mut out, self.id.into());
        writer::string(&mut out, &self.server);
        writer::integer(&mut out, self.action.number().into());
        writer::string(&mut out, &self.group);
        writer::string(&mut out, &self.connection);
        out.into()
    }
}

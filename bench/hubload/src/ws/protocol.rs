//! Opcodes, the two hub protocols, and who listens to a parser.

pub const OP_CONT: u8 = 0;

pub const OP_TEXT: u8 = 1;

pub const OP_BIN: u8 = 2;

pub const OP_CLOSE: u8 = 8;

pub const OP_PING: u8 = 9;

pub const OP_PONG: u8 = 10;

pub const RS: u8 = 0x1e;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Proto {
    Json,
    Msgpack,
}

impl Proto {
    pub fn name(self) -> &'static str {
        match self {
            Proto::Json => "json",
            Proto::Msgpack => "messagepack",
        }
    }
    /// Opcode of the data frames this protocol is sent in.
    pub fn op(self) -> u8 {
        match self {
            Proto::Json => OP_TEXT,
            Proto::Msgpack => OP_BIN,
        }
    }
}

pub trait Sink {
    /// The handshake record (client: the server's answer; server: the client's request).
    fn handshake(&mut self, _rec: &[u8]) -> Option<Proto> {
        None
    }
    /// One hub message: JSON without its 0x1E, or a MessagePack body without its length prefix.
    fn record(&mut self, rec: &[u8]);
    fn ping(&mut self, payload: &[u8]);
    fn close(&mut self, code: u16, reason: &[u8]);
}

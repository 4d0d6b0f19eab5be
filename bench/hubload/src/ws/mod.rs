//! WebSocket framing (RFC 6455), the split of the payload stream into SignalR records,
//! and the few primitives of the opening handshake (SHA-1, base64).
//!
//! `Wire` is a push parser: it is fed whatever `recv` returned, in a scratch buffer that
//! all connections of a thread share, and calls a `Sink` for each record. A record that
//! lies whole in the buffer is handed on as a slice of it; only one that is cut (by a
//! read, a frame or a fragment boundary) is gathered in `carry`.

mod frame;
mod key;
mod protocol;
mod records;
#[cfg(test)]
mod tests;
mod wire;

pub use frame::{put_frame, put_varint, varint, xor_mask};
pub use key::{accept_key, base64, rand_mask, rand64};
pub use protocol::{OP_BIN, OP_CLOSE, OP_CONT, OP_PING, OP_PONG, OP_TEXT, Proto, RS, Sink};
pub use records::MAX_RECORD;
pub use wire::{Mode, Wire};

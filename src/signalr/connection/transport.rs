//! What a connection needs from outside: a transport for its bytes, an owner for its end.

use std::rc::Rc;

use super::{CloseReason, Ending, Outbox, OutboxFull};

/// How bytes leave. A transport attaches to a connection and may detach again.
pub trait Transport {
    /// Takes from the outbox what it can without waiting.
    fn flush(&self, outbox: &mut Outbox);

    /// The connection is over: what is in the outbox is the last there will be.
    fn end(&self, ending: Ending);
}

/// Hears of what happens to a connection from the sending side.
pub trait ConnectionOwner {
    /// A message that cannot wait found the outbox full; the connection must be closed. Called from
    /// within a fan-out, so the owner does it later.
    fn overflowed(self: Rc<Self>, error: OutboxFull);

    /// Somebody outside of the hub wants the connection to end.
    fn close(self: Rc<Self>, reason: CloseReason);
}

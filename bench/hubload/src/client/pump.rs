//! The receive loop of a connection.

use std::cell::UnsafeCell;
use std::future::poll_fn;
use std::task::Poll;

use super::{Conn, errname};
use crate::ws::{Sink, Wire};

pub const SCRATCH: usize = 64 << 10;

/// Reads of one connection before the next one gets its turn.
pub const MAX_READS: u32 = 2;

thread_local!(pub static BUF: UnsafeCell<Box<[u8]>> = UnsafeCell::new(vec![0u8; SCRATCH].into_boxed_slice()));

/// What a command does with the records of one connection.
pub trait Handler: Sink {
    /// Before the bytes of one read are parsed.
    fn begin(&mut self) {}
    /// After them.
    fn end(&mut self, _conn: &Conn) {}
    /// Some: stop, for this reason.
    fn ended(&mut self) -> Option<String> {
        None
    }
}

/// Reads and parses until the connection ends; returns why.
pub async fn pump<H: Handler>(conn: &Conn, wire: &mut Wire, h: &mut H) -> String {
    poll_fn(|cx| {
        BUF.with(|b| {
            let buf: &mut [u8] = unsafe { &mut *b.get() };
            let mut reads = 0;
            loop {
                // A connection whose reads keep filling the buffer must not starve the others.
                if reads == MAX_READS {
                    if !conn.out.borrow().is_empty() {
                        conn.poll_flush(cx);
                    }
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                reads += 1;
                match conn.poll_recv(cx, buf) {
                    Poll::Pending => {
                        if !conn.out.borrow().is_empty() {
                            conn.poll_flush(cx);
                        }
                        return Poll::Pending;
                    }
                    Poll::Ready(Ok(0)) => return Poll::Ready("eof".to_string()),
                    Poll::Ready(Ok(n)) => {
                        h.begin();
                        let r = wire.feed(&mut buf[..n], h);
                        h.end(conn);
                        if let Err(e) = r {
                            return Poll::Ready(format!("protocol error: {e}"));
                        }
                        if let Some(r) = h.ended() {
                            return Poll::Ready(r);
                        }
                    }
                    Poll::Ready(Err(e)) => return Poll::Ready(errname(&e)),
                }
            }
        })
    })
    .await
}

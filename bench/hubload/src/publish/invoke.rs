//! Publishing by calling a hub method.

use super::{Acks, Link, Slots, Sock};
use crate::proto::{Rec, error_text, inspect};
use crate::stats::now_ns;
use crate::template::{Template, Vars};
use crate::ws;
use crate::ws::{Proto, Sink, Wire};

pub struct InvokeLink {
    pub(super) sock: Sock,
    pub(super) wire: Wire,
    pub(super) sink: InvokeSink,
    pub(super) tpl: Template,
    pub(super) tmp: Vec<u8>,
    pub(super) with_id: bool,
    pub(super) last_ping: u64,
}

pub struct InvokeSink {
    pub(super) proto: Proto,
    pub(super) slots: Slots,
    pub(super) acks: Acks,
    pub(super) pong: Vec<Vec<u8>>,
    pub(super) closed: Option<String>,
}

impl Sink for InvokeSink {
    fn record(&mut self, rec: &[u8]) {
        match inspect(self.proto, rec) {
            Rec::Completion { id, error } => match self.slots.give(id) {
                Some(since) => {
                    self.acks.ack(since);
                    if error {
                        self.acks
                            .error(format!("completion error: {}", error_text(self.proto, rec)));
                    }
                }
                None => self
                    .acks
                    .error("completion for an unknown invocation".into()),
            },
            Rec::Close => self.closed = Some(crate::client::close_record(self.proto, rec)),
            _ => {}
        }
    }
    fn ping(&mut self, p: &[u8]) {
        self.pong.push(p.to_vec());
    }
    fn close(&mut self, code: u16, reason: &[u8]) {
        self.closed = Some(crate::client::close_text(code, reason));
    }
}

impl Link for InvokeLink {
    fn room(&self) -> bool {
        self.sock.pending() < 256 << 10 && (!self.with_id || !self.sink.slots.free.is_empty())
    }
    fn push(&mut self, mut v: Vars) {
        if self.with_id {
            v.id = self.sink.slots.take(now_ns()).expect("room");
        }
        self.tmp.clear();
        self.tpl.render(&mut self.tmp, &v);
        ws::put_frame(
            &mut self.sock.out,
            self.sink.proto.op(),
            &self.tmp,
            ws::rand_mask(),
        );
    }
    fn flush(&mut self) -> Result<(), String> {
        self.sock.flush()
    }
    fn pollfds(&self, v: &mut Vec<libc::pollfd>) {
        v.push(self.sock.pollfd());
    }
    fn readable(&mut self, _: usize, buf: &mut [u8]) -> Result<(), String> {
        match self.sock.recv(buf)? {
            None => {}
            Some(0) => return Err("publisher's connection: eof".into()),
            Some(n) => {
                self.wire.feed(&mut buf[..n], &mut self.sink)?;
                for p in std::mem::take(&mut self.sink.pong) {
                    ws::put_frame(&mut self.sock.out, ws::OP_PONG, &p, ws::rand_mask());
                }
                if let Some(c) = self.sink.closed.take() {
                    return Err(format!("publisher's connection: {c}"));
                }
            }
        }
        Ok(())
    }
    fn outstanding(&self) -> usize {
        if self.with_id {
            self.sink.slots.outstanding()
        } else {
            self.sock.pending()
        }
    }
    fn acks(&mut self) -> &mut Acks {
        &mut self.sink.acks
    }
    fn tick(&mut self) {
        let now = now_ns();
        if now - self.last_ping > 15_000_000_000 {
            self.last_ping = now;
            let p: &[u8] = if self.sink.proto == Proto::Json {
                b"{\"type\":6}\x1e"
            } else {
                b"\x02\x91\x06"
            };
            ws::put_frame(&mut self.sock.out, self.sink.proto.op(), p, ws::rand_mask());
        }
    }
    fn finish(&mut self) {
        ws::put_frame(
            &mut self.sock.out,
            ws::OP_CLOSE,
            &1000u16.to_be_bytes(),
            ws::rand_mask(),
        );
        let _ = self.sock.flush();
        // wait for the server's side, 1 s at most
        let mut fds = [self.sock.pollfd()];
        let mut buf = [0u8; 4096];
        for _ in 0..20 {
            unsafe { libc::poll(fds.as_mut_ptr(), 1, 50) };
            match self.sock.recv(&mut buf) {
                Ok(None) | Ok(Some(1..)) => {}
                _ => break,
            }
            if fds[0].revents != 0 {
                break;
            }
        }
    }
}

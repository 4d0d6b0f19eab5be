//! What viewers and tabs have in common: a connection, what it was told, what it has to say.

use std::cell::RefCell;
use std::rc::Rc;

use super::said::{Said, Told, View};
use crate::client::{Conn, Ctl, Handler, Worker, close_record};
use crate::commands::MEASURE;
use crate::proto::{Rec, inspect};
use crate::stats::now_ns;
use crate::ws::{self, Sink};

/// What one makes of the records that come.
pub trait Role {
    fn record(&mut self, seat: &mut Seat, kind: Rec, rec: &[u8]);
}

pub struct Seat {
    pub w: Rc<Worker>,
    pub said: Rc<RefCell<Said>>,
    pub ctl: Ctl,
    /// Frames that go out when all that came is read.
    out: Vec<u8>,
    now: u64,
}

impl Seat {
    pub fn new(w: &Rc<Worker>, said: &Rc<RefCell<Said>>) -> Self {
        Self {
            w: w.clone(),
            said: said.clone(),
            ctl: Ctl::default(),
            out: Vec::new(),
            now: 0,
        }
    }

    pub fn put(&mut self, record: &str) {
        let op = self.w.cfg.proto.op();
        ws::put_frame(&mut self.out, op, record.as_bytes(), ws::rand_mask());
    }

    /// Takes a record that holds an event.
    pub fn event(&mut self, view: &mut View, rec: &[u8]) -> Told {
        let record = *self.w.shared.phase.borrow() == MEASURE;
        let mut said = self.said.borrow_mut();
        view.take(rec, self.now, &mut said, record)
    }
}

/// A connection with its role.
pub struct Seated<R> {
    pub seat: Seat,
    pub role: R,
}

impl<R: Role> Sink for Seated<R> {
    fn record(&mut self, rec: &[u8]) {
        let proto = self.seat.w.cfg.proto;
        match inspect(proto, rec) {
            Rec::Close => self.seat.ctl.end = Some(close_record(proto, rec)),
            kind => self.role.record(&mut self.seat, kind, rec),
        }
    }

    fn ping(&mut self, payload: &[u8]) {
        self.seat.ctl.ping(payload);
    }

    fn close(&mut self, code: u16, reason: &[u8]) {
        self.seat.ctl.close(code, reason);
    }
}

impl<R: Role> Handler for Seated<R> {
    fn begin(&mut self) {
        self.seat.now = now_ns();
    }

    fn end(&mut self, conn: &Conn) {
        let out = &mut self.seat.out;
        if !out.is_empty() {
            conn.send(out);
            out.clear();
        }
        self.seat.ctl.after(conn);
    }

    fn ended(&mut self) -> Option<String> {
        self.seat.ctl.end.take()
    }
}

//! A second tab: opens the conversation that the first one has begun, and is sent what comes.

use std::cell::RefCell;
use std::rc::Rc;

use super::said::{Said, View, tokens, value};
use crate::client::{Conn, Ctl, Handler, Worker, close_record};
use crate::commands::MEASURE;
use crate::proto::{Marker, Rec, inspect};
use crate::stats::now_ns;
use crate::ws::{self, Proto, Sink};

/// How the first tab reaches it.
#[derive(Default)]
pub struct Second {
    conn: RefCell<Option<Rc<Conn>>>,
}

impl Second {
    pub fn is_there(&self, conn: &Rc<Conn>) {
        *self.conn.borrow_mut() = Some(conn.clone());
    }

    /// Opens a conversation, if the tab is connected.
    pub fn open(&self, conversation: &str) {
        let Some(conn) = &*self.conn.borrow() else {
            return;
        };
        let call = format!(
            "{{\"type\":1,\"invocationId\":\"1\",\"target\":\"OpenConversation\",\
             \"arguments\":[{{\"conversationId\":\"{conversation}\"}}]}}\x1e"
        );
        let mut frame = Vec::new();
        ws::put_frame(&mut frame, ws::OP_TEXT, call.as_bytes(), ws::rand_mask());
        conn.send_outside(&frame);
    }
}

pub struct Tab {
    pub w: Rc<Worker>,
    pub said: Rc<RefCell<Said>>,
    pub view: View,
    pub ctl: Ctl,
    pub now: u64,
}

impl Tab {
    fn opened(&mut self, rec: &[u8]) {
        let last = Marker::new("lastSeq", Proto::Json).find(rec);
        if let Some(last) = last {
            // The text is that of the run in progress: there are no messages but the question.
            let text = value(rec, b"\"text\":\"").unwrap_or_default();
            self.view.jump(last, tokens(text).0);
        }
    }
}

impl Sink for Tab {
    fn record(&mut self, rec: &[u8]) {
        let proto = self.w.cfg.proto;
        match inspect(proto, rec) {
            Rec::Completion { error: false, .. } => self.opened(rec),
            Rec::Invocation if memchr::memmem::find(rec, b"\"ChatEvent\"").is_some() => {
                let record = *self.w.shared.phase.borrow() == MEASURE;
                self.view
                    .take(rec, self.now, &mut self.said.borrow_mut(), record);
            }
            Rec::Close => self.ctl.end = Some(close_record(proto, rec)),
            _ => {}
        }
    }

    fn ping(&mut self, payload: &[u8]) {
        self.ctl.ping(payload);
    }

    fn close(&mut self, code: u16, reason: &[u8]) {
        self.ctl.close(code, reason);
    }
}

impl Handler for Tab {
    fn begin(&mut self) {
        self.now = now_ns();
    }

    fn end(&mut self, conn: &Conn) {
        self.ctl.after(conn);
    }

    fn ended(&mut self) -> Option<String> {
        self.ctl.end.take()
    }
}

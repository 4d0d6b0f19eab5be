//! A viewer: asks, follows the answer by a stream, asks again in another conversation.

use std::cell::RefCell;
use std::rc::Rc;

use super::said::{Said, Told, View, value};
use super::tab::Second;
use crate::client::{Conn, Ctl, Handler, Worker, close_record};
use crate::commands::MEASURE;
use crate::proto::{Rec, error_text, inspect};
use crate::stats::now_ns;
use crate::ws::{self, Sink};

pub struct Viewer {
    pub w: Rc<Worker>,
    pub said: Rc<RefCell<Said>>,
    pub tokens: u64,
    /// The other tab of the same user, which opens what is asked here.
    pub second: Option<Rc<Second>>,
    pub view: View,
    pub call: u64,
    /// The conversation that is being answered; deleted when the next one begins.
    pub conversation: String,
    pub out: Vec<u8>,
    pub ctl: Ctl,
    pub now: u64,
}

impl Viewer {
    pub fn ask(&mut self) {
        self.call += 1;
        let request = r#"{"content":"What time is it?","model":"bench"}"#;
        let call = format!(
            "{{\"type\":4,\"invocationId\":\"{}\",\"target\":\"StreamMessage\",\"arguments\":[{request}]}}\x1e",
            self.call
        );
        self.put(&call);
    }

    fn delete(&mut self) {
        let conversation = std::mem::take(&mut self.conversation);
        let call = format!(
            "{{\"type\":1,\"target\":\"DeleteConversation\",\"arguments\":[{{\"conversationId\":\"{conversation}\"}}]}}\x1e"
        );
        self.put(&call);
    }

    fn put(&mut self, record: &str) {
        let op = self.w.cfg.proto.op();
        ws::put_frame(&mut self.out, op, record.as_bytes(), ws::rand_mask());
    }

    fn item(&mut self, rec: &[u8]) {
        let record = *self.w.shared.phase.borrow() == MEASURE;
        let told = self
            .view
            .take(rec, self.now, &mut self.said.borrow_mut(), record);
        match told {
            Told::Started => {
                let id = value(rec, b"\"conversationId\":\"").unwrap_or_default();
                self.conversation = String::from_utf8_lossy(id).into_owned();
                if let Some(second) = &self.second {
                    second.open(&self.conversation);
                }
            }
            Told::Finished => {
                let is_wrong = self.view.tokens != self.tokens;
                self.said.borrow_mut().wrong += u64::from(is_wrong);
            }
            Told::Other => {}
        }
    }
}

impl Sink for Viewer {
    fn record(&mut self, rec: &[u8]) {
        let proto = self.w.cfg.proto;
        match inspect(proto, rec) {
            Rec::Item { .. } => self.item(rec),
            Rec::Completion { id, error } if id == self.call => {
                if error {
                    let why = format!("StreamMessage: {}", error_text(proto, rec));
                    self.ctl.end = Some(why);
                    return;
                }
                self.delete();
                self.ask();
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

impl Handler for Viewer {
    fn begin(&mut self) {
        self.now = now_ns();
    }

    fn end(&mut self, conn: &Conn) {
        if !self.out.is_empty() {
            conn.send(&self.out);
            self.out.clear();
        }
        self.ctl.after(conn);
    }

    fn ended(&mut self) -> Option<String> {
        self.ctl.end.take()
    }
}

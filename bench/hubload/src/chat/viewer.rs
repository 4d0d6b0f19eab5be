//! A viewer: asks, follows the answer by a stream, asks again in another conversation.

use std::rc::Rc;

use super::said::{Told, View, value};
use super::seat::{Role, Seat};
use super::tab::Second;
use crate::proto::{Rec, error_text};

pub struct Viewer {
    pub tokens: u64,
    /// The other tab of the same user, which opens what is asked here.
    pub second: Option<Rc<Second>>,
    view: View,
    call: u64,
    /// The conversation that is being answered; deleted when the next one begins.
    conversation: String,
}

impl Viewer {
    pub fn new(tokens: u64, second: Option<Rc<Second>>) -> Self {
        Self {
            tokens,
            second,
            view: View::new(),
            call: 0,
            conversation: String::new(),
        }
    }

    pub fn ask(&mut self, seat: &mut Seat) {
        self.call += 1;
        let request = r#"{"content":"What time is it?","model":"bench"}"#;
        seat.put(&format!(
            "{{\"type\":4,\"invocationId\":\"{}\",\"target\":\"StreamMessage\",\"arguments\":[{request}]}}\x1e",
            self.call
        ));
    }

    fn delete(&mut self, seat: &mut Seat) {
        let conversation = std::mem::take(&mut self.conversation);
        seat.put(&format!(
            "{{\"type\":1,\"target\":\"DeleteConversation\",\"arguments\":[{{\"conversationId\":\"{conversation}\"}}]}}\x1e"
        ));
    }

    fn item(&mut self, seat: &mut Seat, rec: &[u8]) {
        match seat.event(&mut self.view, rec) {
            Told::Started => {
                let id = value(rec, b"\"conversationId\":\"").unwrap_or_default();
                self.conversation = String::from_utf8_lossy(id).into_owned();
                if let Some(second) = &self.second {
                    second.open(&self.conversation);
                }
            }
            Told::Finished => {
                let is_wrong = self.view.tokens != self.tokens;
                seat.said.borrow_mut().wrong += u64::from(is_wrong);
            }
            Told::Other => {}
        }
    }
}

impl Role for Viewer {
    fn record(&mut self, seat: &mut Seat, kind: Rec, rec: &[u8]) {
        match kind {
            Rec::Item { .. } => self.item(seat, rec),
            Rec::Completion { id, error } if id == self.call => {
                if error {
                    let why = error_text(seat.w.cfg.proto, rec);
                    seat.ctl.end = Some(format!("StreamMessage: {why}"));
                    return;
                }
                self.delete(seat);
                self.ask(seat);
            }
            _ => {}
        }
    }
}

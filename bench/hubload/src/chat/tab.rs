//! A second tab: opens the conversation that the first one has begun, and is sent what comes.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use super::said::{Told, View, tokens, value};
use super::seat::{Role, Seat};
use crate::client::Conn;
use crate::proto::{Marker, Rec};
use crate::ws::{self, Proto};

const CONVERSATION: &[u8] = b"\"conversationId\":\"";

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

/// Of each conversation that is open and not at its end, what it was told: the end of one may come
/// after the beginning of the next is known.
#[derive(Default)]
pub struct Tab {
    views: HashMap<Vec<u8>, View>,
}

impl Tab {
    fn opened(&mut self, rec: &[u8]) {
        let last = Marker::new("lastSeq", Proto::Json).find(rec);
        let conversation = value(rec, CONVERSATION);
        if let (Some(last), Some(conversation)) = (last, conversation) {
            // The text is that of the run in progress: there are no messages but the question.
            let text = value(rec, b"\"text\":\"").unwrap_or_default();
            let mut view = View::new();
            view.jump(last, tokens(text).0);
            self.views.insert(conversation.to_vec(), view);
        }
    }

    fn event(&mut self, seat: &mut Seat, rec: &[u8]) {
        let conversation = value(rec, CONVERSATION).unwrap_or_default();
        let view = self.views.entry(conversation.to_vec());
        if seat.event(view.or_insert_with(View::new), rec) == Told::Finished {
            self.views.remove(conversation);
        }
    }
}

impl Role for Tab {
    fn record(&mut self, seat: &mut Seat, kind: Rec, rec: &[u8]) {
        match kind {
            Rec::Completion { error: false, .. } => self.opened(rec),
            Rec::Invocation if memchr::memmem::find(rec, b"\"ChatEvent\"").is_some() => {
                self.event(seat, rec);
            }
            _ => {}
        }
    }
}

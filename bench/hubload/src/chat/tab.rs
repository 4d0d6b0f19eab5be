//! A second tab: opens the conversation that the first one has begun, and is sent what comes.

use std::cell::RefCell;
use std::rc::Rc;

use super::said::{tokens, value};
use super::seat::{Role, Seat};
use crate::client::Conn;
use crate::proto::{Marker, Rec};
use crate::ws::{self, Proto};

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

pub struct Tab;

impl Role for Tab {
    fn record(&mut self, seat: &mut Seat, kind: Rec, rec: &[u8]) {
        match kind {
            Rec::Completion { error: false, .. } => opened(seat, rec),
            Rec::Invocation if memchr::memmem::find(rec, b"\"ChatEvent\"").is_some() => {
                seat.event(rec);
            }
            _ => {}
        }
    }
}

fn opened(seat: &mut Seat, rec: &[u8]) {
    let last = Marker::new("lastSeq", Proto::Json).find(rec);
    if let Some(last) = last {
        // The text is that of the run in progress: there are no messages but the question.
        let text = value(rec, b"\"text\":\"").unwrap_or_default();
        seat.view.jump(last, tokens(text).0);
    }
}

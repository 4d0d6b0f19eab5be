//! Whole hub messages, cut from what a transport brought.

use super::Connection;
use crate::conformance::{compare, hex};

pub(super) const RECORD_SEPARATOR: u8 = 0x1E;

/// One hub message, separator or length prefix included.
#[derive(Clone, PartialEq)]
pub struct HubMessage {
    pub bytes: Vec<u8>,
    pub binary: bool,
    /// Why this is no whole message.
    pub broken: Option<&'static str>,
}

impl HubMessage {
    /// The message's type, if it can be told.
    pub fn message_type(&self) -> Option<u64> {
        if !self.binary {
            let record = self.bytes.strip_suffix(&[RECORD_SEPARATOR])?;
            let value: serde_json::Value = serde_json::from_slice(record).ok()?;
            return value.get("type")?.as_u64();
        }
        // An array header of up to 15 elements, then the type as a small integer.
        match hex::read_prefix(&self.bytes)?.1 {
            [0x90..=0x9F, kind @ 0..=0x7F, ..] => Some(u64::from(*kind)),
            _ => None,
        }
    }
}

impl std::fmt::Display for HubMessage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.binary {
            return f.write_str(&hex::encode(&self.bytes));
        }
        f.write_str(&compare::clip(&String::from_utf8_lossy(&self.bytes)))
    }
}

impl Connection {
    /// Cuts a chunk into whole hub messages.
    pub(super) fn cut(&mut self, mut bytes: &[u8], binary: bool) {
        while !bytes.is_empty() {
            let length = if self.greeted && binary {
                hex::read_prefix(bytes).and_then(|(length, rest)| {
                    (length <= rest.len()).then(|| bytes.len() - rest.len() + length)
                })
            } else {
                self.greeted = true;
                bytes
                    .iter()
                    .position(|byte| *byte == RECORD_SEPARATOR)
                    .map(|at| at + 1)
            };
            let broken = length
                .is_none()
                .then_some("a chunk ends inside a hub message");
            let (message, rest) = bytes.split_at(length.unwrap_or(bytes.len()));
            self.queue.push_back(HubMessage {
                bytes: message.to_vec(),
                binary,
                broken,
            });
            bytes = rest;
        }
    }

    pub(super) fn cut_events(&mut self) {
        loop {
            if self.raw.starts_with(b":\r\n") {
                self.raw.drain(..3);
                continue;
            }
            let Some(end) = self.raw.windows(4).position(|four| four == b"\r\n\r\n") else {
                return;
            };
            let event: Vec<u8> = self.raw.drain(..end + 4).take(end).collect();
            let event = String::from_utf8_lossy(&event).into_owned();
            let lines: Option<Vec<_>> = event
                .split("\r\n")
                .map(|line| line.strip_prefix("data: "))
                .collect();
            match lines {
                Some(lines) => self.cut(lines.join("\n").as_bytes(), false),
                None => self.queue.push_back(HubMessage {
                    bytes: event.into_bytes(),
                    binary: false,
                    broken: Some("a line of an event does not start with `data: `"),
                }),
            }
        }
    }
}

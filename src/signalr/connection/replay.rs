//! Stateful reconnect, both directions: numbers, what was not acknowledged yet, and what a resumed
//! client sends again (protocol version 2; `Ack` and `Sequence` messages).

use std::collections::VecDeque;

use super::Frame;

/// Messages sent but not acknowledged, ready to be sent again in order.
#[derive(Debug)]
pub struct ReplayBuffer {
    unacknowledged: VecDeque<Frame>,
    bytes: usize,
    /// Number of the first message in `unacknowledged`, or of the next one if it is empty.
    first: i64,
}

impl Default for ReplayBuffer {
    fn default() -> Self {
        Self {
            unacknowledged: VecDeque::new(),
            bytes: 0,
            first: 1,
        }
    }
}

impl ReplayBuffer {
    /// Keeps a sent message until it is acknowledged.
    pub fn keep(&mut self, frame: Frame) {
        self.bytes += frame.message_len();
        self.unacknowledged.push_back(frame);
    }

    /// Forgets everything up to `sequence_id`; numbers never sent change nothing more.
    pub fn acknowledge(&mut self, sequence_id: i64) {
        while self.first <= sequence_id {
            let Some(frame) = self.unacknowledged.pop_front() else {
                break;
            };
            self.bytes -= frame.message_len();
            self.first += 1;
        }
        if self.unacknowledged.is_empty() {
            self.unacknowledged.shrink_to(16);
        }
    }

    /// Bytes of the messages that wait for an acknowledgement.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// What a resumed client must be told: the number of the first message that follows.
    pub fn first_number(&self) -> i64 {
        self.first
    }

    /// The messages to send again.
    pub fn frames(&self) -> impl Iterator<Item = &Frame> {
        self.unacknowledged.iter()
    }
}

/// Counts what the client sends, drops what it sends twice.
#[derive(Debug)]
pub struct ReceivedCounter {
    next: i64,
    latest: i64,
    acknowledged: i64,
}

impl Default for ReceivedCounter {
    fn default() -> Self {
        Self {
            next: 1,
            latest: i64::MIN,
            acknowledged: 0,
        }
    }
}

/// A `Sequence` message named a number that cannot come next.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("Sequence ID greater than amount of messages we've received.")]
pub struct SequenceTooHigh;

impl ReceivedCounter {
    /// Whether the next trackable message was processed before.
    pub fn is_next_known(&self) -> bool {
        self.next <= self.latest
    }

    /// Counts one trackable message; false if it was processed before.
    pub fn accept(&mut self) -> bool {
        let number = self.next;
        self.next += 1;
        if number <= self.latest {
            return false;
        }
        self.latest = number;
        true
    }

    /// The client starts again at `sequence_id`.
    pub fn restart_at(&mut self, sequence_id: i64) -> Result<(), SequenceTooHigh> {
        if sequence_id > self.next {
            return Err(SequenceTooHigh);
        }
        self.next = sequence_id;
        Ok(())
    }

    /// The number to acknowledge, if something came since the last acknowledgement.
    pub fn due_acknowledgement(&mut self) -> Option<i64> {
        if self.latest <= self.acknowledged {
            return None;
        }
        self.acknowledged = self.latest;
        Some(self.latest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signalr::protocol::Protocol;

    fn frame(length: usize) -> Frame {
        Frame::encode(Protocol::Json, true, |out| {
            out.resize(out.len() + length, b'x');
            Ok(())
        })
        .expect("nothing to fail")
    }

    #[test]
    fn acknowledged_messages_are_forgotten_and_the_rest_keeps_its_numbers() {
        let mut buffer = ReplayBuffer::default();
        for _ in 0..4 {
            buffer.keep(frame(10));
        }
        buffer.acknowledge(2);
        assert_eq!((buffer.first_number(), buffer.bytes()), (3, 20));
        buffer.acknowledge(1);
        assert_eq!(buffer.first_number(), 3);
        buffer.acknowledge(100);
        assert_eq!((buffer.first_number(), buffer.bytes()), (5, 0));
        buffer.keep(frame(1));
        assert_eq!(buffer.first_number(), 5);
    }

    #[test]
    fn a_message_sent_again_is_accepted_once() {
        let mut received = ReceivedCounter::default();
        assert!(received.accept() && received.accept());
        received.restart_at(1).expect("a number that was seen");
        assert!(!received.accept() && !received.accept());
        assert!(received.accept());
        assert_eq!(received.due_acknowledgement(), Some(3));
        assert_eq!(received.due_acknowledgement(), None);
        assert_eq!(received.restart_at(5), Err(SequenceTooHigh));
        received.restart_at(3).expect("a number that was seen");
        assert!(received.is_next_known() && !received.accept() && !received.is_next_known());
    }
}

//! What waits to be written to one connection.
//!
//! Two kinds of messages come here. What the connection asked for itself (results, stream items,
//! sends to that one connection) waits for room: `TransportMaxBufferSize`, and
//! `StatefulReconnectBufferSize` of unacknowledged messages. What others send it (group, user, all)
//! and answers to wrong calls never wait: beyond [`OutboxLimits::backlog`] the connection is closed.
//! A single message larger than a bound is admitted to an empty queue. A large message of the
//! connection's own is not held against what others send meanwhile: a client that asked for 10 MB
//! does not read slowly because they are on their way.

use std::{collections::VecDeque, task::Waker};

use super::{Frame, ReplayBuffer, shared_bytes};

/// Bounds of one connection's outbox, in bytes of encoded messages.
#[derive(Clone, Copy, Debug)]
pub struct OutboxLimits {
    /// `TransportMaxBufferSize`: from here on own messages wait, until half of it is left.
    pub transport_buffer: usize,
    /// `StatefulReconnectBufferSize`: beyond it own messages wait for an acknowledgement.
    pub stateful_buffer: usize,
    /// Beyond it a message that cannot wait closes the connection.
    pub backlog: usize,
    /// Process-wide bound of shared frames; beyond it connections that are behind are closed.
    pub process_backlog: usize,
}

/// A message that cannot wait found no room: the client reads too slowly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the client reads too slowly: {backlog} bytes are waiting")]
pub struct OutboxFull {
    /// Bytes that were waiting when the message came.
    pub backlog: usize,
}

/// The queue of one connection.
#[derive(Debug)]
pub struct Outbox {
    queue: VecDeque<Frame>,
    queued: usize,
    /// How much of the first frame the transport has written already.
    written: usize,
    replay: Option<ReplayBuffer>,
    limits: OutboxLimits,
    holding: bool,
    closed: bool,
    /// The size of a large message of its own that may still be under way.
    large: usize,
    waiting: VecDeque<Waker>,
}

impl Outbox {
    /// An empty outbox.
    pub fn new(limits: OutboxLimits) -> Self {
        Self {
            queue: VecDeque::new(),
            queued: 0,
            written: 0,
            replay: None,
            limits,
            holding: false,
            closed: false,
            large: 0,
            waiting: VecDeque::new(),
        }
    }

    /// From here on messages are numbered and kept until acknowledged.
    pub fn enable_replay(&mut self) {
        self.replay = Some(ReplayBuffer::default());
    }

    /// Adds a message of the connection's own. False: the outbox is closed and it was dropped.
    pub fn push(&mut self, frame: Frame) -> bool {
        if frame.len() > self.limits.transport_buffer {
            self.large = self.large.max(frame.len());
        }
        self.append(frame)
    }

    fn append(&mut self, frame: Frame) -> bool {
        if self.closed {
            return false;
        }
        self.queued += frame.len();
        if let Some(replay) = &mut self.replay
            && frame.is_trackable()
        {
            replay.keep(frame.clone());
        }
        self.queue.push_back(frame);
        true
    }

    /// Adds a message that cannot wait for room.
    pub fn push_bounded(&mut self, frame: Frame) -> Result<bool, OutboxFull> {
        let mut backlog = self.backlog();
        if backlog < self.large {
            self.large = 0;
        }
        backlog -= self.large;
        let behind =
            backlog > self.limits.transport_buffer && shared_bytes() > self.limits.process_backlog;
        if backlog > 0 && (behind || backlog + frame.len() > self.limits.backlog) && !self.closed {
            return Err(OutboxFull { backlog });
        }
        Ok(self.append(frame))
    }

    /// Adds the last message; nothing is admitted after it.
    pub fn push_last(&mut self, frame: Frame) {
        self.push(frame);
        self.close();
    }

    /// Nothing is admitted any more; who waits for room is told.
    pub fn close(&mut self) {
        self.closed = true;
        self.waiting.drain(..).for_each(Waker::wake);
    }

    /// Drops everything that waits, for a transport that will not come back.
    pub fn clear(&mut self) {
        self.queue = VecDeque::new();
        self.queued = 0;
        self.written = 0;
    }

    /// Whether a part of the first frame was written.
    pub fn is_mid_frame(&self) -> bool {
        self.written > 0
    }

    /// Whether the last message was pushed.
    pub fn is_closed(&self) -> bool {
        self.closed
    }

    /// Whether nothing waits to be written.
    pub fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// How many messages wait to be written.
    pub fn len(&self) -> usize {
        self.queue.len()
    }

    /// Whether half of what may wait is used, so that the connection may soon be closed.
    pub fn is_nearly_full(&self) -> bool {
        self.backlog() >= self.limits.backlog.div_ceil(2).max(1)
    }

    /// Bytes that the client has not taken: unwritten, or unacknowledged where that is more.
    pub fn backlog(&self) -> usize {
        self.replay
            .as_ref()
            .map_or(0, ReplayBuffer::bytes)
            .max(self.queued)
    }

    /// Whether a message of the connection's own must wait now.
    pub fn must_wait(&mut self) -> bool {
        if self.closed {
            return false;
        }
        let unacknowledged = self.replay.as_ref().map_or(0, ReplayBuffer::bytes);
        let full = self.queued >= self.limits.transport_buffer
            || unacknowledged > self.limits.stateful_buffer;
        let half = self.queued >= self.limits.transport_buffer.div_ceil(2)
            || unacknowledged > self.limits.stateful_buffer;
        self.holding = full || (self.holding && half);
        self.holding
    }

    /// Wakes `waker` when there may be room.
    pub fn wait_for_room(&mut self, waker: &Waker) {
        if !self.waiting.iter().any(|known| known.will_wake(waker)) {
            self.waiting.push_back(waker.clone());
        }
    }

    /// The client has everything up to `sequence_id`.
    pub fn acknowledge(&mut self, sequence_id: i64) {
        if let Some(replay) = &mut self.replay {
            replay.acknowledge(sequence_id);
        }
        self.announce_room();
    }

    /// A new socket takes over: what was queued is replaced by `Sequence` and everything that was
    /// not acknowledged. `sequence` makes the `Sequence` message for the given number.
    pub fn resume(&mut self, sequence: impl FnOnce(i64) -> Frame) {
        let Some(replay) = &self.replay else { return };
        self.queue.clear();
        self.queue.push_back(sequence(replay.first_number()));
        self.queue.extend(replay.frames().cloned());
        self.queued = self.queue.iter().map(Frame::len).sum();
        self.written = 0;
    }

    /// Appends what waits to `buffer` until it holds `limit` bytes, headers included; the first
    /// frame goes in even if it is larger. Nothing is removed: see [`advance`](Self::advance).
    pub fn gather(&self, buffer: &mut Vec<u8>, limit: usize) {
        let mut skip = self.written;
        for frame in &self.queue {
            let bytes = &frame.websocket()[skip..];
            skip = 0;
            if !buffer.is_empty() && buffer.len() + bytes.len() > limit {
                break;
            }
            buffer.extend_from_slice(bytes);
        }
    }

    /// The rest of the first frame, if it alone is worth a write without copying.
    pub fn first(&self) -> Option<(&[u8], bool)> {
        let frame = self.queue.front()?;
        Some((&frame.websocket()[self.written..], self.queue.len() == 1))
    }

    /// `count` bytes of what waits were written.
    pub fn advance(&mut self, count: usize) {
        self.written += count;
        while let Some(frame) = self.queue.front() {
            if self.written < frame.len() {
                break;
            }
            self.written -= frame.len();
            self.queued -= frame.len();
            self.queue.pop_front();
        }
        self.settle();
    }

    /// Takes whole messages, at least one and up to `limit` bytes, for transports without sockets.
    pub fn take(&mut self, limit: usize) -> Vec<Frame> {
        let mut taken = Vec::new();
        let mut bytes = 0;
        while let Some(frame) = self.queue.front() {
            if !taken.is_empty() && bytes + frame.len() > limit {
                break;
            }
            bytes += frame.len();
            self.queued -= frame.len();
            taken.extend(self.queue.pop_front());
        }
        self.settle();
        taken
    }

    fn settle(&mut self) {
        if self.queue.is_empty() && self.queue.capacity() > 64 {
            self.queue = VecDeque::new();
        }
        self.announce_room();
    }

    fn announce_room(&mut self) {
        if !self.waiting.is_empty() && !self.must_wait() {
            self.waiting.drain(..).for_each(Waker::wake);
        }
    }
}

#[cfg(test)]
#[path = "outbox_tests.rs"]
mod tests;

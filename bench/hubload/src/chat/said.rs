//! What viewers were told: how late, how much, and whether anything was missing.

use crate::proto::Marker;
use crate::stats::{Hist, hist};
use crate::ws::Proto;

/// Of one worker.
pub struct Said {
    /// From the provider to a viewer: the first token of each answer.
    pub first: Hist,
    /// The newest token of each later event, which waited for nobody.
    pub newest: Hist,
    /// The oldest token of each later event, which waited to be joined with others.
    pub oldest: Hist,
    pub tokens: u64,
    pub events: u64,
    pub finished: u64,
    /// Answers that ended otherwise than by `stop`.
    pub failed: u64,
    /// Numbers that were not the next.
    pub gaps: u64,
    /// Answers with fewer or more tokens than the provider said.
    pub wrong: u64,
}

impl Said {
    pub fn new() -> Self {
        Self {
            first: hist(),
            newest: hist(),
            oldest: hist(),
            tokens: 0,
            events: 0,
            finished: 0,
            failed: 0,
            gaps: 0,
            wrong: 0,
        }
    }

    pub fn merge(&mut self, other: &Self) {
        let _ = self.first.add(&other.first);
        let _ = self.newest.add(&other.newest);
        let _ = self.oldest.add(&other.oldest);
        self.tokens += other.tokens;
        self.events += other.events;
        self.finished += other.finished;
        self.failed += other.failed;
        self.gaps += other.gaps;
        self.wrong += other.wrong;
    }
}

/// One connection's view of one answer after the other.
pub struct View {
    seq_of: Marker,
    seq: u64,
    pub tokens: u64,
}

/// An event as far as this tool reads it.
#[derive(Debug, PartialEq)]
pub enum Told {
    Started,
    Other,
    Finished,
}

impl View {
    pub fn new() -> Self {
        Self {
            seq_of: Marker::new("seq", Proto::Json),
            seq: 0,
            tokens: 0,
        }
    }

    /// Goes on after an event that is known from elsewhere.
    pub fn jump(&mut self, seq: u64, tokens: u64) {
        (self.seq, self.tokens) = (seq, tokens);
    }

    /// Takes a record that holds an event. `record` false: nothing is measured yet.
    pub fn take(&mut self, rec: &[u8], now: u64, said: &mut Said, record: bool) -> Told {
        said.events += 1;
        let seq = self.seq_of.find(rec).unwrap_or(0);
        let kind = value(rec, b"\"type\":\"").unwrap_or_default();
        if kind == b"run.started" {
            self.jump(0, 0);
        }
        said.gaps += u64::from(seq != self.seq + 1);
        self.seq = seq;
        match kind {
            b"run.started" => Told::Started,
            b"text.delta" => {
                let text = value(rec, b"\"text\":\"").unwrap_or_default();
                let (count, oldest, newest) = tokens(text);
                let is_first = self.tokens == 0;
                self.tokens += count;
                said.tokens += count;
                let late = |at: u64| now.saturating_sub(at).max(1);
                if record && is_first {
                    said.first.saturating_record(late(oldest));
                } else if record {
                    said.newest.saturating_record(late(newest));
                    said.oldest.saturating_record(late(oldest));
                }
                Told::Other
            }
            b"run.finished" => {
                let reason = value(rec, b"\"finishReason\":\"").unwrap_or_default();
                said.finished += 1;
                said.failed += u64::from(reason != b"stop");
                Told::Finished
            }
            _ => Told::Other,
        }
    }
}

/// The text value that follows a key. The texts looked for hold no quotation marks.
pub fn value<'a>(rec: &'a [u8], key: &[u8]) -> Option<&'a [u8]> {
    let at = memchr::memmem::rfind(rec, key)? + key.len();
    let end = memchr::memchr(b'"', &rec[at..])?;
    Some(&rec[at..at + end])
}

/// How many moments a text holds, the first and the last of them.
pub fn tokens(text: &[u8]) -> (u64, u64, u64) {
    let moments = text.split(|byte| *byte == b' ');
    let mut moments = moments.filter(|moment| !moment.is_empty()).map(number);
    let oldest = moments.next();
    let (mut count, mut newest) = (u64::from(oldest.is_some()), oldest.unwrap_or(0));
    for moment in moments {
        count += 1;
        newest = moment;
    }
    (count, oldest.unwrap_or(0), newest)
}

fn number(digits: &[u8]) -> u64 {
    let add = |number: u64, digit: &u8| number.wrapping_mul(10) + u64::from(digit & 15);
    digits.iter().fold(0, add)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_event_by_event() {
        let (mut view, mut said) = (View::new(), Said::new());
        let mut take = |rec: &str| view.take(rec.as_bytes(), 200, &mut said, true);
        let event = |seq, rest: &str| {
            format!(
                "{{\"type\":2,\"invocationId\":\"1\",\"item\":{{\"seq\":{seq},\"ts\":\"t\",{rest}}}}}"
            )
        };
        assert_eq!(take(&event(1, "\"type\":\"run.started\"")), Told::Started);
        take(&event(2, "\"type\":\"text.delta\",\"text\":\"100 \""));
        take(&event(3, "\"type\":\"text.delta\",\"text\":\"150 180 \""));
        let end = "\"type\":\"run.finished\",\"finishReason\":\"stop\"";
        assert_eq!(take(&event(5, end)), Told::Finished);
        assert_eq!((view.tokens, said.gaps, said.failed), (3, 1, 0));
        assert_eq!(
            (said.first.max(), said.newest.max(), said.oldest.max()),
            (100, 20, 50)
        );
    }
}

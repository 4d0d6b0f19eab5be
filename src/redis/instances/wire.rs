//! What instances send each other: MessagePack arrays on the receiver's own channel.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

/// One message.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum Frame {
    /// A question; `number` is the asker's.
    Request {
        from: String,
        number: u64,
        service: String,
        #[serde(with = "serde_bytes")]
        body: Vec<u8>,
    },
    Answer {
        number: u64,
        outcome: Outcome,
    },
    /// Needs no answer.
    Notice {
        from: String,
        service: String,
        #[serde(with = "serde_bytes")]
        body: Vec<u8>,
    },
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum Outcome {
    Done(#[serde(with = "serde_bytes")] Vec<u8>),
    /// Nobody serves this there, or too much is being served.
    Refused,
}

impl Frame {
    pub fn encode(&self) -> Bytes {
        let bytes = rmp_serde::to_vec(self);
        Bytes::from(bytes.expect("strings, numbers and bytes always encode"))
    }

    /// `None` for what no instance of ours sends.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        rmp_serde::from_slice(bytes).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_come_out_as_they_went_in_and_no_bytes_panic() {
        let frames = [
            Frame::Request {
                from: "a".to_owned(),
                number: 7,
                service: "echo".to_owned(),
                body: vec![0, 255],
            },
            Frame::Answer {
                number: 7,
                outcome: Outcome::Done(vec![1]),
            },
            Frame::Answer {
                number: u64::MAX,
                outcome: Outcome::Refused,
            },
            Frame::Notice {
                from: "a".to_owned(),
                service: "s".to_owned(),
                body: Vec::new(),
            },
        ];
        for frame in frames {
            let bytes = frame.encode();
            for end in 0..bytes.len() {
                assert_eq!(Frame::decode(&bytes[..end]), None);
            }
            assert_eq!(Frame::decode(&bytes), Some(frame));
        }
    }
}

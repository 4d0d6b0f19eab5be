//! What instances say to each other about connections, and how it is written: MessagePack, only
//! between instances of this program.

use bytes::Bytes;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::ConnectionKey;

/// Which connection, and who asks for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    pub key: ConnectionKey,
    /// The hub's path.
    pub hub: String,
    /// The user of the client's request.
    pub user: Option<String>,
    /// The token was read, so the user is known to be the one who negotiated.
    pub checked: bool,
}

/// What an edge asks of a connection's home.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Request {
    /// A GET would become the transport.
    Attach { asked: Asked, transport: Transport },
    /// A poll waits at the edge; the edge numbers its polls. `stamp` is the client's own mark.
    Poll {
        asked: Asked,
        poll: u64,
        stamp: Option<u64>,
    },
    /// A piece of a body that is posted at the edge. Pieces are numbered, so that a repeat is taken
    /// once; the edge numbers its posts.
    Post {
        asked: Asked,
        post: u64,
        piece: u32,
        is_last: bool,
        #[serde(with = "serde_bytes")]
        bytes: Vec<u8>,
    },
    /// The client wants a polled connection to end.
    Delete { asked: Asked },
    /// Closes a connection by its public id.
    Close { connection_id: String },
    /// Which connections are here.
    List(Filter),
    /// To an edge: what became of a poll that was answered.
    WasDelivered { poll: u64 },
}

/// What an edge tells a connection's home, without an answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Notice {
    /// The answer to a poll is written to the client from now on. Only of polls without a stamp.
    PollGoesOut { key: ConnectionKey, poll: u64 },
    /// A poll is over at the edge: the client has the answer, or will never have it.
    PollOver {
        key: ConnectionKey,
        poll: u64,
        delivered: bool,
    },
    /// The client broke a post off.
    PostOver { key: ConnectionKey, post: u64 },
    /// The edge stops: its client is to poll again, elsewhere.
    EdgeStops { key: ConnectionKey },
}

/// What is answered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Reply {
    /// The HTTP answer for the client.
    Answer(Answer),
    /// The asker is the home now; these bytes were posted before there was a transport.
    TakeOver {
        connection_id: String,
        stateful: bool,
        #[serde(with = "serde_bytes")]
        early: Vec<u8>,
    },
    /// The piece was taken in; the next may come.
    Taken,
    /// There is no room yet. The edge asks again with the same piece.
    Full,
    /// The connection is not here any more; the directory knows where.
    Elsewhere,
    /// Another user negotiated it.
    Foreign,
    /// A connection was closed, or there was none.
    Closed(bool),
    /// The connections that were asked for.
    Listed(Vec<OpenConnection>),
    /// What became of a poll.
    Delivered(Delivered),
    /// The question was not understood: another version of this program asks.
    NotUnderstood,
}

/// An HTTP answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    pub status: u16,
    pub content_type: String,
    #[serde(with = "serde_bytes")]
    pub body: Vec<u8>,
}

/// What became of a poll at its edge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Delivered {
    Yes,
    No,
    /// The answer is being written.
    Underway,
}

/// How bytes travel, as instances name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Transport {
    WebSockets,
    ServerSentEvents,
    LongPolling,
}

/// Which open connections are asked for. Newest first; `before` is where the page before ended.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Filter {
    pub hub: Option<String>,
    pub user: Option<String>,
    pub before: Option<(i64, String)>,
    pub limit: usize,
}

/// One open connection of the fleet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OpenConnection {
    pub connection_id: String,
    pub hub: String,
    pub user: Option<String>,
    pub instance_id: String,
    pub transport: String,
    pub protocol: String,
    /// Milliseconds since 1970.
    pub connected_at: i64,
}

/// Writes a message.
pub(super) fn encode(message: &impl Serialize) -> Bytes {
    rmp_serde::to_vec(message)
        .unwrap_or_else(|error| unreachable!("plain values can be written: {error}"))
        .into()
}

/// Reads a message; another instance may be of another version.
pub(super) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    rmp_serde::from_slice(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_read_back_and_garbage_is_refused() {
        let asked = Asked {
            key: ConnectionKey::of("token"),
            hub: "/hub".into(),
            user: None,
            checked: true,
        };
        let request = Request::Post {
            asked,
            post: 7,
            piece: 1,
            is_last: true,
            bytes: vec![0, 255],
        };
        assert_eq!(decode::<Request>(&encode(&request)), Some(request.clone()));
        let bytes = encode(&request);
        for length in 0..bytes.len() {
            assert_eq!(decode::<Request>(&bytes[..length]), None, "{length}");
        }
        assert_eq!(decode::<Reply>(b"\xc1"), None);
    }
}

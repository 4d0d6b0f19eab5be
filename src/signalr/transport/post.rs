//! What clients of event streams and polls send: a request with one or more hub messages, or a part
//! of one. Posts of one connection are taken one after another; the answer waits while the buffer
//! is full (reference 2.7).

use std::{
    collections::VecDeque,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
    time::Duration,
};

use actix_web::web::Payload;
use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use tokio::{sync::mpsc, time::timeout};

use super::{
    record::Record,
    response::{self, Answer},
};
use crate::signalr::connection::TransportKind;

/// A body that brings nothing for so long is given up.
const SILENCE: Duration = Duration::from_secs(10);
/// Slower bodies are given up, after the first [`SILENCE`].
const BYTES_PER_SECOND: u64 = 240;

/// Why a body ended early.
#[derive(Debug, PartialEq, Eq)]
pub enum BodyError {
    /// The client broke off.
    Broken,
    /// The client drips.
    TooSlow,
}

/// Passes a body on, piece by piece. Time in which the receiver holds it back does not count.
pub async fn forward(mut body: Payload, pieces: mpsc::Sender<Bytes>) -> Result<(), BodyError> {
    let mut spent = Duration::ZERO;
    let mut received = 0;
    loop {
        let allowed = SILENCE + Duration::from_secs(received / BYTES_PER_SECOND);
        let waited = tokio::time::Instant::now();
        let piece = match timeout(SILENCE.min(allowed.saturating_sub(spent)), body.next()).await {
            Err(_) => return Err(BodyError::TooSlow),
            Ok(None) => return Ok(()),
            Ok(Some(Err(_))) => return Err(BodyError::Broken),
            Ok(Some(Ok(piece))) => piece,
        };
        spent += waited.elapsed();
        received += piece.len() as u64;
        if piece.is_empty() {
            // To an edge nothing more is the end of a body.
            continue;
        }
        if pieces.send(piece).await.is_err() {
            return Ok(());
        }
    }
}

/// Takes a body in, at the connection's home. Err: the connection has another home by now, nothing
/// was taken.
pub async fn receive<S>(record: Rc<Record>, mut pieces: S) -> Result<Answer, S>
where
    S: Stream<Item = Bytes> + Unpin,
{
    if record.kind() == Some(TransportKind::WebSockets) {
        return Ok(Answer::text(
            405,
            "POST requests are not allowed for WebSocket connections.",
        ));
    }
    let _turn = record.post_turn().await;
    if record.is_disposed() {
        return Ok(response::gone());
    }
    if record.is_moving() {
        return Err(pieces);
    }
    while let Some(piece) = pieces.next().await {
        if !record.receive(&piece).await {
            return Ok(response::gone());
        }
    }
    Ok(if record.accepted().await {
        Answer::text(200, "")
    } else {
        response::gone()
    })
}

/// The pieces of a body that a client of this instance posts.
pub struct Pieces {
    returned: VecDeque<Bytes>,
    coming: mpsc::Receiver<Bytes>,
}

impl Pieces {
    /// A body, and where its pieces are put in: a few at a time.
    pub fn new() -> (mpsc::Sender<Bytes>, Self) {
        let (sender, coming) = mpsc::channel(2);
        let returned = VecDeque::new();
        (sender, Self { returned, coming })
    }

    /// These were not taken after all; they come next.
    pub fn put_back(&mut self, pieces: impl IntoIterator<Item = Bytes>) {
        self.returned
            .extend(pieces.into_iter().filter(|piece| !piece.is_empty()));
    }
}

impl Stream for Pieces {
    type Item = Bytes;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Bytes>> {
        match self.returned.pop_front() {
            Some(piece) => Poll::Ready(Some(piece)),
            None => self.coming.poll_recv(context),
        }
    }
}

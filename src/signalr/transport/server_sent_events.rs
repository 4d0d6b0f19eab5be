//! Server-sent events: one response that stays open, each chunk of hub messages one event
//! (reference 2.5).

use std::{cell::Cell, rc::Rc, sync::Arc};

use actix_web::{HttpResponse, http::header};
use bytes::Bytes;
use futures_util::Stream;
use tokio::{
    sync::{Notify, mpsc},
    time::timeout,
};
use tracing::Instrument;

use super::{
    record::{Attached, Record},
    registry::Connections,
    response::{self, Answer},
};
use crate::signalr::{
    connection::{CloseReason, Ending, Frame, Outbox, RequestData, Transport, TransportKind, User},
    hub::HubConnection,
};

/// Bytes of messages in one chunk of the body.
const CHUNK: usize = 32 * 1024;
/// Chunks on their way to the worker that holds the response.
const CHUNKS_UNDERWAY: usize = 2;

/// Where the chunks of a response come out.
pub type EventBody = mpsc::Receiver<Bytes>;

/// The transport: tells its task that there is something to write.
#[derive(Default)]
struct EventStream {
    filled: Notify,
    ending: Cell<Option<Ending>>,
}

impl Transport for EventStream {
    fn flush(&self, outbox: &mut Outbox) {
        if !outbox.is_empty() {
            self.filled.notify_one();
        }
    }

    fn end(&self, ending: Ending) {
        self.ending.set(Some(ending));
        self.filled.notify_one();
    }
}

/// Attaches an event stream, at the connection's home. The chunks of its body come by the channel.
pub fn open(
    record: &Rc<Record>,
    user: Option<User>,
    request: RequestData,
    connections: Arc<Connections>,
) -> Result<EventBody, Answer> {
    match record.kind() {
        None => {}
        Some(TransportKind::ServerSentEvents) => return Err(response::conflict()),
        Some(_) => return Err(response::cannot_change_transports()),
    }
    let hub = record
        .start(TransportKind::ServerSentEvents, user, request)
        .ok_or_else(response::gone)?;
    let (chunks, body) = mpsc::channel(CHUNKS_UNDERWAY);
    let _ = chunks.try_send(Bytes::from_static(b":\r\n"));
    let transport = Rc::new(EventStream::default());
    record.attach(Attached::EventStream);
    hub.connection().attach(transport.clone());
    let span = hub.span().clone();
    tokio::task::spawn_local(
        write_events(record.clone(), hub, transport, chunks, connections).instrument(span),
    );
    record.feed_early();
    Ok(body)
}

async fn write_events(
    record: Rc<Record>,
    hub: Rc<HubConnection>,
    transport: Rc<EventStream>,
    chunks: mpsc::Sender<Bytes>,
    connections: Arc<Connections>,
) {
    let limit = record
        .endpoint()
        .connection_options()
        .transport_send_timeout;
    loop {
        let frames = hub.connection().outbox_mut().take(CHUNK);
        if frames.is_empty() {
            if transport.ending.get().is_some() {
                break;
            }
            tokio::select! {
                () = transport.filled.notified() => continue,
                () = chunks.closed() => {
                    hub.transport_closed();
                    break;
                }
            }
        }
        let sent = chunks.send(event(&frames));
        let sent = match limit {
            Some(limit) => timeout(limit, sent).await,
            None => Ok(sent.await),
        };
        match sent {
            Ok(Ok(())) => {}
            Ok(Err(_closed)) => {
                hub.transport_closed();
                break;
            }
            Err(_elapsed) => {
                hub.close(CloseReason::SendTimeout);
                break;
            }
        }
    }
    record.dispose(CloseReason::ClientLeft);
    connections.remove(&record);
}

/// One event: each line of the messages after `data: `, then an empty line.
fn event(frames: &[Frame]) -> Bytes {
    let length: usize = frames.iter().map(Frame::message_len).sum();
    let mut out = Vec::with_capacity(length + 16);
    out.extend_from_slice(b"data: ");
    for frame in frames {
        let message = frame.message();
        let mut rest = &message[..];
        while let Some(at) = memchr::memchr(b'\n', rest) {
            let line = rest[..at].strip_suffix(b"\r").unwrap_or(&rest[..at]);
            out.extend_from_slice(line);
            out.extend_from_slice(b"\r\ndata: ");
            rest = &rest[at + 1..];
        }
        out.extend_from_slice(rest);
    }
    out.extend_from_slice(b"\r\n\r\n");
    out.into()
}

/// The response that carries the chunks. It is not to be buffered by anybody. Its TCP connection
/// ends with it: a client that is moved must not come back over the same one.
pub fn response(body: EventBody) -> HttpResponse {
    HttpResponse::Ok()
        .force_close()
        .insert_header((header::CONTENT_TYPE, "text/event-stream"))
        .insert_header((header::CACHE_CONTROL, "no-cache,no-store"))
        .insert_header((header::PRAGMA, "no-cache"))
        .insert_header((header::CONTENT_ENCODING, "identity"))
        .insert_header(("X-Accel-Buffering", "no"))
        .streaming(stream(body))
}

fn stream(mut body: EventBody) -> impl Stream<Item = Result<Bytes, std::io::Error>> {
    futures_util::stream::poll_fn(move |context| body.poll_recv(context).map(|chunk| chunk.map(Ok)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signalr::protocol::Protocol;

    fn text(message: &[u8]) -> String {
        let frame = Frame::handshake(Protocol::Json, message);
        String::from_utf8(event(&[frame]).to_vec()).expect("text")
    }

    #[test]
    fn an_event_is_one_data_line_per_line_of_the_message() {
        assert_eq!(text(b"{}\x1e"), "data: {}\x1e\r\n\r\n");
        assert_eq!(text(b"a\nb\r\nc"), "data: a\r\ndata: b\r\ndata: c\r\n\r\n");
    }
}

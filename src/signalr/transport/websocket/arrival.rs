//! From an accepted upgrade to a running socket: find or make the connection, answer, run the socket at
//! its home. A socket that another worker accepted moves there as a whole, so nothing passes between
//! threads for each message.

use std::{rc::Rc, sync::Arc};

use actix_rt::net::TcpStream;
use tokio::io::AsyncWriteExt;
use tracing::Instrument;

use super::{WebSocket, task::run};
use crate::signalr::{
    connection::{RequestData, TransportKind, User},
    hub::HubConnection,
    transport::{
        dispatch::Numbered,
        record::{Attached, Record},
        registry::Connections,
        response::{self, Answer},
        serve::{Serving, refusal},
        server::Shared,
    },
};

/// A socket on its way to its home, with everything that decides about it.
pub(super) struct Arrival {
    pub socket: std::net::TcpStream,
    pub first_bytes: Vec<u8>,
    pub accept: String,
    /// Header lines for pages of other origins.
    pub cors: String,
    pub user: Option<User>,
    pub data: RequestData,
}

/// Brings a socket to its connection's home.
pub(super) async fn arrive(
    shared: &Arc<Shared>,
    hub: &Numbered,
    token: Option<String>,
    arrival: Arrival,
) {
    let connections = shared.connections.clone();
    let enabled = hub.1.connection_options().transports.web_sockets;
    let Some(token) = token else {
        if !enabled {
            return refuse(arrival, response::not_supported(TransportKind::WebSockets)).await;
        }
        if let Some(record) = connections.open(hub) {
            attach(record, arrival, connections, shared.clone()).await;
        }
        return;
    };
    let user = arrival.user.as_ref().map(|user| user.id.clone());
    let caller = match connections.caller(hub, &token, user.as_deref()).await {
        Ok(caller) => caller,
        Err(missing) => return refuse(arrival, refusal(missing)).await,
    };
    let serving = Serving {
        connections: &connections,
        hub,
        caller: &caller,
    };
    let home = match serving.home_of_transport(TransportKind::WebSockets).await {
        Ok(home) => home,
        Err(answer) => return refuse(arrival, answer).await,
    };
    let there = shared.clone();
    let attached = connections.at_home(home, caller.key, move |record| async move {
        match record {
            None => refuse(arrival, response::no_connection()).await,
            Some(_) if !enabled => {
                refuse(arrival, response::not_supported(TransportKind::WebSockets)).await;
            }
            Some(record) => attach(record, arrival, there.connections.clone(), there).await,
        }
    });
    attached.await;
}

/// Attaches a socket to its connection, or refuses it.
async fn attach(
    record: Rc<Record>,
    arrival: Arrival,
    connections: Arc<Connections>,
    shared: Arc<Shared>,
) {
    match record.kind() {
        None if record.is_moving() => return refuse(arrival, response::conflict()).await,
        None if record.is_disposed() => return refuse(arrival, response::gone()).await,
        None => {}
        Some(TransportKind::WebSockets) => match record.hub() {
            Some(hub) if hub.is_resumable() => {
                return start(record, Some(hub), arrival, connections, shared).await;
            }
            // The socket before this one was lost before its handshake.
            None => {}
            Some(_) => return refuse(arrival, response::conflict()).await,
        },
        Some(_) => return refuse(arrival, response::cannot_change_transports()).await,
    }
    start(record, None, arrival, connections, shared).await;
}

/// Answers 101 and runs the socket; `resumed` is the connection it continues.
async fn start(
    record: Rc<Record>,
    resumed: Option<Rc<HubConnection>>,
    arrival: Arrival,
    connections: Arc<Connections>,
    shared: Arc<Shared>,
) {
    let Ok(mut socket) = TcpStream::from_std(arrival.socket) else {
        return;
    };
    let head = format!(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: {}\r\n{}\r\n",
        arrival.accept, arrival.cors
    );
    let (is_new, hub) = match resumed {
        Some(hub) => (false, hub),
        None => match record.start(TransportKind::WebSockets, arrival.user, arrival.data) {
            Some(hub) => (true, hub),
            None => return,
        },
    };
    let guard = shared.count_socket();
    let answered = socket.write_all(head.as_bytes()).await;
    // What ended meanwhile would never end this socket.
    if answered.is_ok() && !hub.has_ended() {
        let (read, write) = socket.into_split();
        let socket = WebSocket::new(write);
        if let Some(Attached::WebSocket(former)) = &*record.attached() {
            former.supersede(&hub.connection().outbox());
        }
        record.attach(Attached::WebSocket(socket.clone()));
        if is_new {
            hub.connection().attach(socket.clone());
            record.feed_early();
        } else {
            hub.resume(socket.clone());
        }
        let span = hub.span().clone();
        let task = run(record, hub, socket, read, arrival.first_bytes, connections);
        tokio::task::spawn_local(
            async move {
                let _counted = guard;
                task.await;
            }
            .instrument(span),
        );
    }
}

/// The reference answers upgrades of unknown connections without a content type.
async fn refuse(arrival: Arrival, mut answer: Answer) {
    if answer == response::no_connection() {
        answer.content_type = "";
    }
    if let Ok(mut socket) = TcpStream::from_std(arrival.socket) {
        write_answer(&mut socket, &answer, &arrival.cors).await;
    }
}

pub(super) async fn write_answer(socket: &mut TcpStream, answer: &Answer, cors: &str) {
    let status = actix_http::StatusCode::from_u16(answer.status)
        .unwrap_or(actix_http::StatusCode::BAD_REQUEST);
    let mut head = format!(
        "HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {}\r\n",
        answer.body.len()
    );
    if !answer.content_type.is_empty() {
        head.push_str(&format!("Content-Type: {}\r\n", answer.content_type));
    }
    head.push_str(cors);
    head.push_str("\r\n");
    let mut bytes = head.into_bytes();
    bytes.extend_from_slice(&answer.body);
    let _ = socket.write_all(&bytes).await;
    let _ = socket.shutdown().await;
}

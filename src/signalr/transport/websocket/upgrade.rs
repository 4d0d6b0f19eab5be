//! From an HTTP request to a socket. actix hands the raw socket over once it has read the request's
//! head; what follows is ours: find or make the connection, answer, run the socket at its home. A
//! socket that another worker accepted moves there as a whole, so nothing passes between threads
//! for each message.

use std::{rc::Rc, sync::Arc};

use actix_http::{HttpMessage, Request, h1, header, ws::verify_handshake};
use actix_rt::net::TcpStream;
use tokio::io::AsyncWriteExt;
use tracing::{Instrument, debug};

use super::{WebSocket, task::run};
use crate::signalr::{
    connection::{RequestData, TransportKind, User},
    hub::HubConnection,
    transport::{
        dispatch::{Numbered, Route, route},
        forwarded::Origin,
        record::{Attached, Record},
        registry::Connections,
        response::{self, Answer},
        serve::{Serving, refusal},
        server::Shared,
    },
};

/// A request that asks for a WebSocket, with its socket.
pub type UpgradeRequest = (Request, actix_codec::Framed<TcpStream, h1::Codec>);

/// A socket on its way to its home, with everything that decides about it.
struct Arrival {
    socket: std::net::TcpStream,
    first_bytes: Vec<u8>,
    accept: String,
    /// Header lines for pages of other origins.
    cors: String,
    user: Option<User>,
    data: RequestData,
}

/// Answers one upgrade request and, if it is accepted, runs its socket in a task of its own.
pub async fn upgrade(shared: Arc<Shared>, (request, framed): UpgradeRequest) {
    let parts = framed.into_parts();
    let (mut socket, first_bytes) = (parts.io, parts.read_buf.to_vec());
    let cors = cors_lines(&shared, &request);
    let refused = match decide(&shared, &request).await {
        Ok((hub, token, user, data, accept)) => {
            let Ok(socket) = socket.into_std() else {
                return;
            };
            let arrival = Arrival {
                socket,
                first_bytes,
                accept,
                cors,
                user,
                data,
            };
            return arrive(&shared, &hub, token, arrival).await;
        }
        Err(refused) => refused,
    };
    write_answer(&mut socket, &refused, &cors).await;
}

type Decision = (Numbered, Option<String>, Option<User>, RequestData, String);

/// Everything that can be decided without the connection.
async fn decide(shared: &Shared, request: &Request) -> Result<Decision, Answer> {
    let hub = match route(&shared.hubs, request.path()) {
        Some(Route::Hub(hub)) => hub,
        Some(Route::Negotiate(_)) => return Err(response::method_not_allowed()),
        None => return Err(response::no_such_path()),
    };
    if verify_handshake(request.head()).is_err() {
        return Err(no_upgrade(shared, hub, request));
    }
    if !origin_allowed(shared, request) {
        return Err(Answer::text(403, ""));
    }
    if shared.is_draining() {
        return Err(response::draining());
    }
    if !shared.has_room() {
        return Err(response::full());
    }
    let data = request_data(shared, request);
    let user = shared
        .authenticator
        .authenticate(&data)
        .await
        .map_err(|rejection| {
            debug!(
                status = rejection.status,
                reason = rejection.reason,
                "a socket was not let in"
            );
            Answer::text(if rejection.status == 403 { 403 } else { 401 }, "")
        })?;
    let token = data
        .query("id")
        .filter(|id| !id.is_empty())
        .map(|id| id.into_owned());
    let key = request
        .headers()
        .get(header::SEC_WEBSOCKET_KEY)
        .map_or(&b""[..], |key| key.as_bytes());
    let accept = String::from_utf8_lossy(&actix_http::ws::hash_key(key)).into_owned();
    Ok((hub.clone(), token, user, data, accept))
}

/// What asks for a WebSocket in the wrong way is an ordinary GET, that is a poll (reference 2.1);
/// one that would be let in has no business here.
fn no_upgrade(shared: &Shared, hub: &Numbered, request: &Request) -> Answer {
    match request_data(shared, request)
        .query("id")
        .filter(|id| !id.is_empty())
    {
        None => response::connection_id_required(),
        Some(id) if shared.connections.is_plausible(hub, &id) => Answer::text(400, ""),
        Some(_) => response::no_connection(),
    }
}

fn origin_allowed(shared: &Shared, request: &Request) -> bool {
    let Some(page) = request.headers().get(header::ORIGIN) else {
        return true;
    };
    let host = origin(shared, request).host;
    page.to_str()
        .is_ok_and(|page| shared.origins.allows(page, host))
}

/// Header lines for pages of other origins, on whatever is answered.
fn cors_lines(shared: &Shared, request: &Request) -> String {
    let page = request.headers().get(header::ORIGIN);
    let page = page.and_then(|page| page.to_str().ok());
    let host = origin(shared, request).host;
    shared.origins.header_lines(page, host)
}

fn origin<'a>(shared: &Shared, request: &'a Request) -> Origin<'a> {
    let peer = request.peer_addr().map(|address| address.ip());
    shared.known_proxies.origin(peer, request.headers())
}

fn request_data(shared: &Shared, request: &Request) -> RequestData {
    let headers = request
        .headers()
        .iter()
        .filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
    RequestData::new(
        request.path(),
        request.uri().query().unwrap_or_default(),
        headers,
        origin(shared, request).client,
    )
}

/// Brings a socket to its connection's home.
async fn arrive(shared: &Arc<Shared>, hub: &Numbered, token: Option<String>, arrival: Arrival) {
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

async fn write_answer(socket: &mut TcpStream, answer: &Answer, cors: &str) {
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

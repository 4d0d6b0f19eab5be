//! A request for a WebSocket. actix hands the raw socket over once it has read the request's head; what
//! follows is ours: here everything that can be decided without the connection, then `arrival`.

use std::sync::Arc;

use actix_http::{HttpMessage, Request, h1, header, ws::verify_handshake};
use actix_rt::net::TcpStream;
use tracing::debug;

use super::arrival::{Arrival, arrive, write_answer};
use crate::signalr::{
    connection::{RequestData, User},
    transport::{
        dispatch::{Numbered, Route, route},
        forwarded::Origin,
        response::{self, Answer},
        server::Shared,
    },
};

/// A request that asks for a WebSocket, with its socket.
pub type UpgradeRequest = (Request, actix_codec::Framed<TcpStream, h1::Codec>);

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

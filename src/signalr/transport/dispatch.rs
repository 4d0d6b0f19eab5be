//! Which request on a hub's path goes where (reference section 2.1). Paths match without regard to
//! case and with or without a slash at the end.

use std::sync::Arc;

use actix_web::{
    HttpRequest, HttpResponse,
    http::{Method, header},
    web,
};
use tracing::debug;

use super::{
    auth::Rejection,
    caller::Caller,
    negotiate,
    post::{self, Pieces},
    response::{self, Answer},
    serve::{Serving, refusal},
    server::Shared,
    server_sent_events,
};
use crate::signalr::{
    connection::{RequestData, User},
    hub::HubEndpoint,
};

/// A hub with its number.
pub type Numbered = (usize, Arc<HubEndpoint>);

/// What a path means.
pub enum Route<'a> {
    Negotiate(&'a Numbered),
    Hub(&'a Numbered),
}

/// Finds the hub of a path.
pub fn route<'a>(hubs: &'a [Numbered], path: &str) -> Option<Route<'a>> {
    let path = path.strip_suffix('/').unwrap_or(path);
    let same = |text: &str, hub: &Numbered| text.eq_ignore_ascii_case(hub.1.path());
    if let Some(hub) = hubs.iter().find(|hub| same(path, hub)) {
        return Some(Route::Hub(hub));
    }
    let (front, last) = path.rsplit_once('/')?;
    let negotiate = last.eq_ignore_ascii_case("negotiate");
    hubs.iter()
        .find(|hub| negotiate && same(front, hub))
        .map(Route::Negotiate)
}

/// Answers every HTTP request that no other route took.
pub async fn handle(
    request: HttpRequest,
    body: web::Payload,
    shared: web::Data<Shared>,
) -> HttpResponse {
    let Some(route) = route(&shared.hubs, request.path()) else {
        return HttpResponse::NotFound().finish();
    };
    match route {
        Route::Negotiate(hub) => handle_negotiate(&shared, hub, &request).await,
        Route::Hub(hub) => match *request.method() {
            Method::POST => handle_post(&shared, hub, &request, body).await,
            Method::DELETE => handle_delete(&shared, hub, &request).await,
            Method::GET if accepts_event_stream(&request) => {
                handle_event_stream(&shared, hub, &request).await
            }
            Method::GET => handle_poll(&shared, hub, &request).await,
            _ => response::method_not_allowed().into_response(false),
        },
    }
}

/// The SSE test compares each element of `Accept` as a whole; a parameter defeats it.
fn accepts_event_stream(request: &HttpRequest) -> bool {
    request
        .headers()
        .get_all(header::ACCEPT)
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|element| element.trim().eq_ignore_ascii_case("text/event-stream"))
}

async fn handle_negotiate(shared: &Shared, hub: &Numbered, request: &HttpRequest) -> HttpResponse {
    if request.method() != Method::POST {
        return response::method_not_allowed().into_response(false);
    }
    // In a fleet another instance takes the connection that the token is for.
    if shared.is_draining() && shared.connections.fleet().is_none() {
        return response::draining().into_response(false);
    }
    let data = request_data(shared, request);
    let user = match authenticate(shared, &data).await {
        Ok(user) => user,
        Err(refusal) => return refusal.into_response(false),
    };
    let user = user.as_ref().map(|user| user.id.as_str());
    let body = negotiate::negotiate(&shared.connections, (hub.0, &hub.1), &data, user).await;
    HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, "application/json"))
        .body(body)
}

async fn handle_post(
    shared: &Shared,
    hub: &Numbered,
    request: &HttpRequest,
    body: web::Payload,
) -> HttpResponse {
    let data = request_data(shared, request);
    let (caller, _) = match caller(shared, hub, &data).await {
        Ok(caller) => caller,
        Err(refusal) => return refusal.into_response(false),
    };
    let (sender, pieces) = Pieces::new();
    let answer = serving(shared, hub, &caller).post(pieces);
    let (forwarded, answer) = tokio::join!(post::forward(body, sender), answer);
    let answer = match forwarded {
        Ok(()) => answer,
        Err(_) if answer.status == 404 => answer,
        Err(post::BodyError::Broken) => Answer::text(400, ""),
        Err(post::BodyError::TooSlow) => Answer::text(408, ""),
    };
    answer.into_response(false)
}

async fn handle_delete(shared: &Shared, hub: &Numbered, request: &HttpRequest) -> HttpResponse {
    let data = request_data(shared, request);
    let answer = match caller(shared, hub, &data).await {
        Ok((caller, _)) => serving(shared, hub, &caller).delete().await,
        Err(refusal) => refusal,
    };
    answer.into_response(false)
}

async fn handle_event_stream(
    shared: &Shared,
    hub: &Numbered,
    request: &HttpRequest,
) -> HttpResponse {
    if shared.is_draining() {
        return response::draining().into_response(false);
    }
    let data = request_data(shared, request);
    let opened = match caller(shared, hub, &data).await {
        Ok((caller, user)) => serving(shared, hub, &caller).event_stream(user, data).await,
        Err(refusal) => Err(refusal),
    };
    match opened {
        Ok(body) => server_sent_events::response(body),
        Err(answer) => answer.into_response(false),
    }
}

async fn handle_poll(shared: &Shared, hub: &Numbered, request: &HttpRequest) -> HttpResponse {
    let data = request_data(shared, request);
    match caller(shared, hub, &data).await {
        Ok((caller, user)) => {
            let polled = serving(shared, hub, &caller).poll(user, data).await;
            polled.into_response()
        }
        Err(refusal) => refusal.into_response(true),
    }
}

fn serving<'a>(shared: &'a Shared, hub: &'a Numbered, caller: &'a Caller) -> Serving<'a> {
    Serving {
        connections: &shared.connections,
        hub,
        caller,
    }
}

/// The token and the user of a request that must have a token.
async fn caller(
    shared: &Shared,
    hub: &Numbered,
    data: &RequestData,
) -> Result<(Caller, Option<User>), Answer> {
    let user = authenticate(shared, data).await?;
    let token = data.query("id").filter(|token| !token.is_empty());
    let token = token.ok_or_else(response::connection_id_required)?;
    let id = user.as_ref().map(|user| user.id.as_str());
    let caller = shared.connections.caller(hub, &token, id).await;
    Ok((caller.map_err(refusal)?, user))
}

async fn authenticate(shared: &Shared, data: &RequestData) -> Result<Option<User>, Answer> {
    shared
        .authenticator
        .authenticate(data)
        .await
        .map_err(|rejection| {
            let Rejection { status, reason } = rejection;
            debug!(status, reason, "a request was not let in");
            Answer::text(if status == 403 { 403 } else { 401 }, "")
        })
}

fn request_data(shared: &Shared, request: &HttpRequest) -> RequestData {
    let headers = request
        .headers()
        .iter()
        .filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
    let peer = request.peer_addr().map(|address| address.ip());
    let client = shared.known_proxies.origin(peer, request.headers()).client;
    RequestData::new(request.path(), request.query_string(), headers, client)
}

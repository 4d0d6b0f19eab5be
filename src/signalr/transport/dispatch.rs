//! Which request on a hub's path goes where (reference section 2.1). Paths match without regard to
//! case and with or without a slash at the end.

use std::{future::ready, sync::Arc};

use actix_web::{
    HttpRequest, HttpResponse,
    http::{Method, header},
    web,
};
use tokio::sync::mpsc;
use tracing::debug;

use super::{
    auth::Rejection,
    long_polling, negotiate, post,
    registry::Missing,
    response::{self, Answer},
    server::Shared,
    server_sent_events,
};
use crate::signalr::{
    connection::{RequestData, TransportKind, User},
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
    if shared.is_draining() {
        return response::draining().into_response(false);
    }
    let data = request_data(request);
    let user = match authenticate(shared, &data).await {
        Ok(user) => user,
        Err(refusal) => return refusal,
    };
    let user = user.as_ref().map(|user| user.id.as_str());
    let body = negotiate::negotiate(&shared.connections, (hub.0, &hub.1), &data, user);
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
    let data = request_data(request);
    let (token, user) = match caller(shared, &data).await {
        Ok(caller) => caller,
        Err(refusal) => return refusal,
    };
    let (pieces, received) = mpsc::channel(2);
    let user = user.as_ref().map(|user| user.id.as_str());
    let at_home = shared
        .connections
        .at_home(hub, &token, user, |record| post::receive(record, received));
    let (forwarded, answer) = tokio::join!(post::forward(body, pieces), at_home);
    match (forwarded, answer) {
        (_, Err(missing)) => refusal(missing).into_response(false),
        (Err(post::BodyError::Broken), _) => Answer::text(400, "").into_response(false),
        (Err(post::BodyError::TooSlow), _) => Answer::text(408, "").into_response(false),
        (Ok(()), Ok(answer)) => answer.into_response(false),
    }
}

async fn handle_delete(shared: &Shared, hub: &Numbered, request: &HttpRequest) -> HttpResponse {
    let data = request_data(request);
    let (token, user) = match caller(shared, &data).await {
        Ok(caller) => caller,
        Err(refusal) => return refusal,
    };
    let connections = shared.connections.clone();
    let user = user.as_ref().map(|user| user.id.as_str());
    let deleted = shared
        .connections
        .at_home(hub, &token, user, move |record| {
            ready(long_polling::delete(&record, connections))
        })
        .await;
    deleted.unwrap_or_else(refusal).into_response(false)
}

async fn handle_event_stream(
    shared: &Shared,
    hub: &Numbered,
    request: &HttpRequest,
) -> HttpResponse {
    let data = request_data(request);
    let (token, user) = match caller(shared, &data).await {
        Ok(caller) => caller,
        Err(refusal) => return refusal,
    };
    let connections = shared.connections.clone();
    let id = user.as_ref().map(|user| user.id.clone());
    let enabled = hub.1.connection_options().transports.server_sent_events;
    let opened = shared
        .connections
        .at_home(hub, &token, id.as_deref(), move |record| {
            ready(if enabled {
                server_sent_events::open(&record, user, data, connections)
            } else {
                Err(response::not_supported(TransportKind::ServerSentEvents))
            })
        });
    match opened.await {
        Ok(Ok(body)) => server_sent_events::response(body),
        Ok(Err(answer)) => answer.into_response(false),
        Err(missing) => refusal(missing).into_response(false),
    }
}

async fn handle_poll(shared: &Shared, hub: &Numbered, request: &HttpRequest) -> HttpResponse {
    let data = request_data(request);
    let (token, user) = match caller(shared, &data).await {
        Ok(caller) => caller,
        Err(mut refusal) => {
            uncached(&mut refusal);
            return refusal;
        }
    };
    let connections = shared.connections.clone();
    let id = user.as_ref().map(|user| user.id.clone());
    let enabled = hub.1.connection_options().transports.long_polling;
    let polled = shared
        .connections
        .at_home(hub, &token, id.as_deref(), move |record| async move {
            if enabled {
                long_polling::poll(record, user, data, connections).await
            } else {
                response::not_supported(TransportKind::LongPolling)
            }
        });
    polled.await.unwrap_or_else(refusal).into_response(true)
}

/// The token and the user of a request that must have a token.
async fn caller(
    shared: &Shared,
    data: &RequestData,
) -> Result<(String, Option<User>), HttpResponse> {
    let user = authenticate(shared, data).await?;
    match data.query("id") {
        Some(token) if !token.is_empty() => Ok((token.into_owned(), user)),
        _ => Err(response::connection_id_required().into_response(false)),
    }
}

async fn authenticate(shared: &Shared, data: &RequestData) -> Result<Option<User>, HttpResponse> {
    shared
        .authenticator
        .authenticate(data)
        .await
        .map_err(|rejection| {
            let Rejection { status, reason } = rejection;
            debug!(status, reason, "a request was not let in");
            Answer::text(if status == 403 { 403 } else { 401 }, "").into_response(false)
        })
}

fn refusal(missing: Missing) -> Answer {
    match missing {
        Missing::Unknown => response::no_connection(),
        Missing::Foreign => response::foreign(),
    }
}

fn uncached(response: &mut HttpResponse) {
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CACHE_CONTROL, "no-cache, no-store"),
        (header::PRAGMA, "no-cache"),
        (header::EXPIRES, "Thu, 01 Jan 1970 00:00:00 GMT"),
    ] {
        headers.insert(name, header::HeaderValue::from_static(value));
    }
}

fn request_data(request: &HttpRequest) -> RequestData {
    let headers = request
        .headers()
        .iter()
        .filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
    let remote = request.peer_addr().map(|address| address.ip());
    RequestData::new(request.path(), request.query_string(), headers, remote)
}

//! HTTP over TCP, per worker: actix's service with the limits on what a peer may take its time for,
//! and the way of a request to the routes, to a hub, or to a WebSocket.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use actix_http::{ConnectionType, HttpService, body::MessageBody};
use actix_rt::net::TcpStream;
use actix_service::{IntoServiceFactory, ServiceFactory, fn_service, map_config};
use actix_web::{
    App,
    dev::{AppConfig, Service, ServiceResponse},
    http::{Method, header},
    web,
};
use tracing::debug;

use super::{builder::Routes, clock, cors, dispatch, server::Shared, websocket::upgrade::upgrade};

/// A TCP connection between two requests is kept for so long.
const IDLE: Duration = Duration::from_secs(75);
/// The head of a request must be here within.
const REQUEST_HEAD: Duration = Duration::from_secs(5);
/// After its last answer a TCP connection is waited for so long.
const LAST_BYTES: Duration = Duration::from_secs(5);
/// Bytes of an answer that wait for the socket.
const WRITE_BUFFER: usize = 8 * 1024;
/// A peer that takes none of what was written for so many times `TransportSendTimeout` is cut, by
/// default after a minute: a network that is away for a moment is no reason.
const SEND_TIMEOUTS: u32 = 6;

/// The service of one worker; its first call there makes the thread a worker of ours.
pub fn service(
    shared: &Arc<Shared>,
    routes: &Routes,
    address: SocketAddr,
) -> impl ServiceFactory<
    TcpStream,
    Config = (),
    Response = (),
    Error = actix_http::error::DispatchError,
    InitError = (),
> + use<> {
    if shared.connections.workers().start_worker().is_some() {
        tokio::task::spawn_local(clock::run(shared.connections.clone(), shared.hubs.clone()));
    }
    let app = app(shared, routes);
    let for_upgrades = shared.clone();
    let patience = write_patience(&shared.hubs);
    let config = move |()| AppConfig::__priv_test_new(false, address.to_string(), address);
    HttpService::build()
        .keep_alive(IDLE)
        .client_request_timeout(REQUEST_HEAD)
        .client_disconnect_timeout(LAST_BYTES)
        .tcp_nodelay(true)
        .h1_allow_half_closed(false)
        .h1_write_buffer_size(WRITE_BUFFER)
        .local_addr(address)
        .on_connect_ext(move |socket: &TcpStream, _| give_up_after(socket, patience))
        .upgrade(fn_service(move |request| {
            let shared = for_upgrades.clone();
            async move {
                upgrade(shared, request).await;
                Ok::<_, actix_http::Error>(())
            }
        }))
        .finish(map_config(app, config))
        .tcp()
}

/// Everything but WebSockets.
fn app(
    shared: &Arc<Shared>,
    routes: &Routes,
) -> impl ServiceFactory<
    actix_http::Request,
    Config = AppConfig,
    Response = ServiceResponse<impl MessageBody + use<>>,
    Error = actix_web::Error,
    InitError = (),
> + use<> {
    let open_connections = shared.open_connections();
    let (for_app, routes) = (shared.clone(), routes.clone());
    let app = App::new()
        .wrap(shared.origins.middleware(&shared.known_proxies))
        .wrap(tracing_actix_web::TracingLogger::<super::trace::RequestSpan>::new())
        .wrap_fn(|request, service| {
            let is_preflight = request.method() == Method::OPTIONS;
            let is_cross_origin = request.headers().contains_key(header::ORIGIN);
            let shared = request.app_data::<web::Data<Shared>>().cloned();
            let answer = service.call(request);
            async move {
                let mut answer = cors::as_reference(answer.await?, is_preflight, is_cross_origin);
                if shared.is_some_and(|shared| shared.is_draining()) {
                    let head = answer.response_mut().head_mut();
                    head.set_connection_type(ConnectionType::Close);
                }
                Ok(answer)
            }
        })
        .app_data(web::Data::from(for_app))
        .app_data(web::Data::new(open_connections))
        .configure(move |config| routes(config))
        .default_service(web::to(dispatch::handle));
    IntoServiceFactory::into_factory(app)
}

/// How long a peer may take none of what is written to it. None: as long as it likes.
fn write_patience(hubs: &[dispatch::Numbered]) -> Option<Duration> {
    let limits = hubs
        .iter()
        .map(|(_, hub)| hub.connection_options().transport_send_timeout);
    let longest: Option<Duration> = limits.max_by_key(|limit| limit.unwrap_or(Duration::MAX))?;
    longest.map(|longest| longest * SEND_TIMEOUTS)
}

/// actix waits without end until it can write the rest of an answer, so the system is asked to end
/// the socket of a peer that takes nothing.
fn give_up_after(socket: &TcpStream, patience: Option<Duration>) {
    let set = socket2::SockRef::from(socket).set_tcp_user_timeout(patience);
    if let Err(error) = set {
        debug!(%error, "a socket without a limit for its writes");
    }
}

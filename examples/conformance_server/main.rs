//! A server with one hub whose methods show every observable behaviour of a SignalR server.
//!
//! The conformance scenarios, Microsoft's own clients and the bench tool run against it. It listens
//! on `127.0.0.1:$PORT` (5100) and takes its options from the environment, see [`options`]. `LOG`
//! is a filter for log lines, `debug` for instance; without it there are none. `SIGTERM` stops it in
//! good order.

mod fleet;
mod hub;
mod identity;
mod journal;
mod options;
mod redis;
mod types;

use std::{net::Ipv4Addr, sync::Arc, time::Duration};

use managing_api::signalr::{
    backplane::redis::RedisBackplane,
    hub::{HubContext, HubEndpoint},
    transport::{Server, ServerHandle},
};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::{hub::ConformanceHub, identity::QueryIdentity, options::Environment};

/// How long a stop at `SIGTERM` may take.
const GRACE: Duration = Duration::from_secs(10);

/// What .NET calls the hub.
const TYPE_NAME: &str = "Managing.Api.Hubs.ConformanceHub";

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let environment = Environment::of_process();
    if let Some(filter) = environment.text("LOG") {
        tracing_subscriber::fmt()
            .with_env_filter(filter)
            .with_writer(std::io::stderr)
            .init();
    }
    let port: u16 = environment.number("PORT")?.unwrap_or(5100);
    let redis = match environment.text("REDIS") {
        Some(text) => Some(redis::connect(&text)?),
        None => None,
    };
    let context = match &redis {
        Some(redis) => {
            let backplane = RedisBackplane::new(redis, TYPE_NAME, environment.backplane_options()?);
            HubContext::with_backplane("conformance", TYPE_NAME, backplane)
        }
        None => HubContext::new("conformance", TYPE_NAME),
    };
    let endpoint = HubEndpoint::new(
        "/conformance",
        Arc::new(ConformanceHub::new(redis.is_some())),
        &context,
        environment.hub_options()?,
        environment.connection_options()?,
    );
    // Before it listens: whoever starts it may stop it again at once.
    let terminate = signal(SignalKind::terminate())?;
    let mut builder = Server::builder()
        .hub(endpoint)
        .authenticator(Arc::new(QueryIdentity));
    if environment.flag("BIND_USERS") {
        builder = builder.bind_tokens_to_users();
    }
    if let Some(workers) = environment.number("WORKERS")? {
        builder = builder.workers(workers);
    }
    if let Some(redis) = &redis {
        builder = builder.fleet(fleet::join(redis));
    }
    let server = builder.bind((Ipv4Addr::LOCALHOST, port).into())?;
    println!("listening on http://{}/conformance", server.local_addr());
    let stopping = stop_at_signal(server.handle(), terminate);
    tokio::select! {
        served = server.run() => served?,
        () = stopping => {}
    }
    if let Some(redis) = redis {
        redis.shutdown().await;
    }
    Ok(())
}

/// Moves the clients elsewhere and stops, as a deployment asks for it.
async fn stop_at_signal(server: ServerHandle, mut terminate: Signal) {
    terminate.recv().await;
    server.stop(GRACE).await;
}

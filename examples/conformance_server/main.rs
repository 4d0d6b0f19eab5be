//! The hub that the recorded scenarios under `tests/conformance` speak to, with its options from
//! the environment. Every observable behaviour of a hub is one method of it.

mod hub;
mod journal;
mod options;
mod types;
mod user;

use std::sync::Arc;

use managing_api::signalr::{
    hub::{HubContext, HubEndpoint},
    transport::Server,
};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::io::Result<()> {
    if let Ok(filter) = std::env::var("LOG") {
        tracing_subscriber::fmt()
            .with_env_filter(filter)
            .with_writer(std::io::stderr)
            .init();
    }
    let context = HubContext::new("conformance", "Managing.Api.Hubs.ConformanceHub");
    let endpoint = HubEndpoint::new(
        "/conformance",
        Arc::new(hub::ConformanceHub::default()),
        &context,
        options::hub_options(),
        options::connection_options(),
    );
    let server = Server::builder()
        .hub(endpoint)
        .authenticator(Arc::new(user::QueryUser))
        .bind(([127, 0, 0, 1], options::number("PORT", 5100)).into())?;
    println!("listening on http://{}/conformance", server.local_addr());
    server.run().await
}

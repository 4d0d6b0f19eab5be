//! Clients that mean no good, or do not keep up. Nearly each test has a bystander (`attacked`) that
//! must not notice. Everyday runs use small numbers; `SOAK=1` uses large ones.

mod attacked;
mod floods;
mod payloads;
mod random_bytes;
mod silence;
mod slow_input;
mod slow_readers;
mod stateful_flow;

use std::time::{Duration, Instant};

use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

use crate::support::server::Server;

const MIB: u64 = 1024 * 1024;

/// Waits until the server has let go of sockets: it holds about `before` file descriptors again.
async fn descriptors_fall_to(server: &Server, before: usize) {
    // A runtime opens a few of its own as it goes.
    let limit = before + 10;
    let deadline = Instant::now() + Duration::from_secs(20);
    while server.open_descriptors() > limit {
        assert!(
            Instant::now() < deadline,
            "the server still holds {} descriptors, expected at most {limit}",
            server.open_descriptors()
        );
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Reads until the peer ends the connection; how long that took.
async fn time_to_end(stream: &mut TcpStream) -> Duration {
    let began = Instant::now();
    let mut buffer = [0; 4096];
    while let Ok(1..) = stream.read(&mut buffer).await {}
    began.elapsed()
}

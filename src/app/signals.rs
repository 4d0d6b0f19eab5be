//! The signals that stop the server.

use tokio::signal::unix::{SignalKind, signal};

/// Resolves at the first `SIGTERM` or `SIGINT`, with its name.
pub(super) async fn stop_signal() -> std::io::Result<&'static str> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(tokio::select! {
        _ = terminate.recv() => "SIGTERM",
        _ = interrupt.recv() => "SIGINT",
    })
}

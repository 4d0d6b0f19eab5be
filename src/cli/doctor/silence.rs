//! Whether a connection stays although nothing is said on it.

use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use tokio::time::timeout;

use super::finding::Finding;
use crate::cli::remote::{Target, websocket};

const SUBJECT: &str = "quiet connections";

/// Nothing to say where no WebSocket comes through; that is another finding.
pub(super) async fn examine(target: &Target, quiet: Duration) -> Option<Finding> {
    let mut socket = websocket::open(target).await.ok()?;
    let begin = Instant::now();
    // The server's own pings are read and not answered: our silence is what is tried.
    let ended = timeout(quiet, async {
        while let Some(Ok(_)) = socket.next().await {}
    })
    .await;
    Some(match ended {
        Err(_) => Finding::good(SUBJECT, format!("still there after {} s", quiet.as_secs())),
        Ok(()) => Finding::fail(
            SUBJECT,
            format!("closed after {} s of silence", begin.elapsed().as_secs()),
            "a proxy's timeout is shorter than the 15 s between two pings: raise it (nginx: \
             proxy_read_timeout 1h; proxy_send_timeout 1h; Traefik: respondingTimeouts 0; cloud \
             balancers: idle timeout), or lower SignalR:KeepAliveInterval",
        ),
    })
}

//! What the tests need to talk to a server: a child process to talk to, and clients that show every
//! byte (status lines, opcodes, close codes) instead of hiding them as ordinary client libraries do.

pub mod http;
pub mod hub_client;
pub mod redis;
pub mod server;
pub mod turn;
pub mod watch;
pub mod websocket;

use std::future::Future;
use std::time::Duration;

/// Waits for `future`, or says what did not happen in time.
pub async fn within<T>(
    limit: Duration,
    what: &str,
    future: impl Future<Output = T>,
) -> Result<T, String> {
    tokio::time::timeout(limit, future)
        .await
        .map_err(|_| format!("{what} within {limit:?}"))
}

/// Do we test with full numbers (`SOAK=1`), or with small ones?
pub fn soaking() -> bool {
    std::env::var("SOAK").is_ok_and(|value| !value.is_empty() && value != "0")
}

/// A small number for everyday runs, a large one for soaks.
pub fn scale(everyday: usize, soak: usize) -> usize {
    if soaking() { soak } else { everyday }
}

/// A task that ends when its owner does.
pub struct Task<T = ()>(tokio::task::JoinHandle<T>);

impl<T: Send + 'static> Task<T> {
    pub fn spawn(future: impl Future<Output = T> + Send + 'static) -> Self {
        Self(tokio::spawn(future))
    }

    pub fn is_pending(&self) -> bool {
        !self.0.is_finished()
    }

    /// The task's result. Panics if the task panicked, so that its message reaches the test.
    pub async fn result(mut self) -> T {
        (&mut self.0)
            .await
            .expect("a task of the test does not panic")
    }
}

impl<T> Drop for Task<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

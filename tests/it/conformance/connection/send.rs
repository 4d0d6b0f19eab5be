//! What the client sends on a connection.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::{Connection, Upstream};
use crate::conformance::runner::Mismatch;
use crate::support::http::{self, Request};
use crate::support::websocket::Sender;

impl Connection {
    pub async fn send(&self, payload: &[u8], binary: bool) -> Result<(), Mismatch> {
        match self.upstream()? {
            Upstream::WebSocket { sender, .. } => Ok(sender.message(binary, payload).await?),
            Upstream::Post { address, path, .. } => post(*address, path, payload).await,
        }
    }

    pub async fn send_fragments(&self, parts: &[String]) -> Result<(), Mismatch> {
        Ok(self
            .socket()?
            .fragments(false, parts.iter().map(String::as_bytes))
            .await?)
    }

    pub async fn close(&self, code: Option<u16>, reason: &str) -> Result<(), Mismatch> {
        Ok(self.socket()?.close(code, reason).await?)
    }

    /// Stops reading the socket, for good.
    pub fn pause(&mut self) -> Result<(), Mismatch> {
        match &mut self.upstream {
            Some(Upstream::WebSocket { pause, .. }) => {
                let _ = pause.take().map(|pause| pause.send(()));
                Ok(())
            }
            _ => Err(Mismatch("not a WebSocket".to_owned())),
        }
    }

    pub async fn ping(&mut self, limit: Duration) -> Result<(), Mismatch> {
        let before = self.pongs;
        self.socket()?.ping().await?;
        let deadline = Instant::now() + limit;
        while self.pongs == before {
            match timeout_at(deadline, self.events.recv()).await {
                Ok(event) => self.on_event(event),
                Err(_) => return Err(Mismatch(format!("no pong within {limit:?}"))),
            }
        }
        Ok(())
    }

    fn upstream(&self) -> Result<&Upstream, Mismatch> {
        self.upstream
            .as_ref()
            .ok_or_else(|| Mismatch("the connection was dropped".to_owned()))
    }

    fn socket(&self) -> Result<&Sender, Mismatch> {
        match self.upstream()? {
            Upstream::WebSocket { sender, .. } => Ok(sender),
            Upstream::Post { .. } => Err(Mismatch("not a WebSocket".to_owned())),
        }
    }
}

async fn post(address: SocketAddr, path: &str, payload: &[u8]) -> Result<(), Mismatch> {
    let request = Request::new("POST", path).body(payload);
    let answer = tokio::time::timeout(Duration::from_secs(8), http::send(address, &request)).await;
    let answer = answer.map_err(|_| Mismatch("no answer to a POST within 8 s".to_owned()))??;
    if answer.head.status == 200 && answer.body.is_empty() {
        return Ok(());
    }
    let body = String::from_utf8_lossy(&answer.body);
    Err(Mismatch(format!(
        "POST: status {}, body {body:?}",
        answer.head.status
    )))
}

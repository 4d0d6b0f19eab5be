//! Whether answers come as they are written, and whether requests of one connection find it
//! whatever instance takes them.

use std::time::Duration;

use reqwest::Method;
use tokio::time::timeout;

use super::finding::Finding;
use crate::cli::remote::{LIMIT, Target, describe};

const HANDSHAKE: &str = "{\"protocol\":\"json\",\"version\":1}\u{1e}";
/// What is not here by then is being held back.
const PROMPT: Duration = Duration::from_secs(4);

pub(super) async fn server_sent_events(target: &Target) -> Finding {
    let subject = "Server-Sent Events";
    match first_event(target).await {
        Ok(true) => Finding::good(subject, "events come as they are written"),
        Ok(false) => Finding::fail(
            subject,
            "nothing arrives within 4 s: a proxy holds answers back",
            "switch buffering off. nginx: proxy_buffering off (and no gzip for text/event-stream); \
             other proxies and CDNs: no buffering, no compression, no caching for the hubs",
        ),
        Err(problem) => Finding::fail(
            subject,
            problem,
            "the proxy must pass GET and POST on the hubs on as they are",
        ),
    }
}

/// Whether the answer to the handshake arrives in time.
async fn first_event(target: &Target) -> Result<bool, String> {
    let token = target.negotiate().await?;
    let path = target.hub(&token);
    let events = async {
        let request = target
            .request(Method::GET, &path)
            .header("Accept", "text/event-stream");
        let mut answer = request.send().await.map_err(|error| describe(&error))?;
        if !answer.status().is_success() {
            return Err(format!("HTTP {}", answer.status()));
        }
        let mut text = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(|error| describe(&error))? {
            text.extend_from_slice(&chunk);
            if text.windows(2).any(|bytes| bytes == b"{}") {
                return Ok(true);
            }
        }
        Err("the stream ended before the handshake".to_owned())
    };
    let handshake = async {
        let request = target
            .request(Method::POST, &path)
            .timeout(LIMIT)
            .body(HANDSHAKE);
        request.send().await.map_err(|error| describe(&error))
    };
    let (events, handshake) = tokio::join!(timeout(PROMPT, events), handshake);
    handshake?;
    events.unwrap_or(Ok(false))
}

/// Four requests of one connection, each on a socket of its own and without cookies.
pub(super) async fn long_polling(target: &Target) -> Finding {
    let subject = "long polling, no affinity";
    match poll(target).await {
        Ok(()) => Finding::good(subject, "every request found its connection"),
        Err(problem) => Finding::fail(
            subject,
            problem,
            "requests reach instances that do not know each other: they need the same Redis, \
             channelPrefix, Fleet:Name and SignalR:TokenKey (run doctor on each), and the proxy a \
             read timeout of 100 s",
        ),
    }
}

async fn poll(target: &Target) -> Result<(), String> {
    let token = target.negotiate().await?;
    let path = target.hub(&token);
    let ask = |method: Method, body: &'static str| {
        let request = target.request(method, &path).timeout(LIMIT).body(body);
        async move {
            let answer = request.send().await.map_err(|error| describe(&error))?;
            if !answer.status().is_success() {
                return Err(format!("HTTP {}", answer.status()));
            }
            answer.text().await.map_err(|error| describe(&error))
        }
    };
    ask(Method::GET, "").await?;
    ask(Method::POST, HANDSHAKE).await?;
    let answer = ask(Method::GET, "").await?;
    if !answer.starts_with("{}") {
        return Err("the handshake was not answered".to_owned());
    }
    ask(Method::DELETE, "").await?;
    Ok(())
}

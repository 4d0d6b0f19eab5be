//! Whether a WebSocket comes through.

use super::finding::Finding;
use crate::cli::remote::{Target, websocket};

const SUBJECT: &str = "WebSockets";
const CURE: &str = "the proxy drops the Upgrade. nginx: proxy_http_version 1.1; proxy_set_header \
    Upgrade $http_upgrade; proxy_set_header Connection \"upgrade\". CapRover: switch Websocket \
    Support on. Traefik and Kubernetes ingresses pass it on by themselves";

pub(super) async fn examine(target: &Target) -> Finding {
    match websocket::open(target).await {
        Ok(_) => Finding::good(SUBJECT, "a connection comes through"),
        Err(problem) => Finding::fail(SUBJECT, problem, CURE),
    }
}

//! `/health/live` and `/health/ready`.
//!
//! Live: the process answers. Ready: it may be given clients, which is so without Redis too, but
//! neither before the start has finished nor while the instance drains.

use std::sync::{
    Arc,
    atomic::{AtomicU8, Ordering},
};

use actix_web::{HttpResponse, route, web};
use serde::Serialize;
use utoipa::ToSchema;

use super::operations::operations;

/// Where the instance is in its life. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Readiness {
    phase: Arc<AtomicU8>,
    redis: Redis,
}

/// What is known of Redis.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Redis {
    /// Not configured: a single instance on purpose.
    #[default]
    Off,
    /// Configured, but this instance works alone.
    NotConnected,
}

const STARTING: u8 = 0;
const READY: u8 = 1;
const DRAINING: u8 = 2;

impl Readiness {
    /// An instance that is starting.
    pub fn new(redis: Redis) -> Self {
        Self {
            phase: Arc::default(),
            redis,
        }
    }

    /// The start has finished. An instance that drains stays so.
    pub fn set_ready(&self) {
        let _ = self
            .phase
            .compare_exchange(STARTING, READY, Ordering::AcqRel, Ordering::Acquire);
    }

    /// No new clients from now on.
    pub fn set_draining(&self) {
        self.phase.store(DRAINING, Ordering::Release);
    }

    fn status(&self) -> (bool, &'static str) {
        match (self.phase.load(Ordering::Acquire), self.redis) {
            (STARTING, _) => (false, "starting"),
            (DRAINING, _) => (false, "draining"),
            (_, Redis::Off) => (true, "ready"),
            (_, Redis::NotConnected) => (true, "degraded"),
        }
    }

    fn redis(&self) -> &'static str {
        match self.redis {
            Redis::Off => "off",
            Redis::NotConnected => "not_connected",
        }
    }
}

/// Adds both routes.
pub fn routes(config: &mut web::ServiceConfig, readiness: Readiness) {
    config.app_data(web::Data::new(readiness));
    operations(config);
}

operations!(live, ready);

#[derive(Serialize, ToSchema)]
struct Live {
    status: &'static str,
    version: &'static str,
}

/// `ready` or `degraded`, else `starting` or `draining`; and what is known of Redis.
#[derive(Serialize, ToSchema)]
struct Ready {
    status: &'static str,
    redis: &'static str,
}

/// The process answers.
#[utoipa::path(tag = "server", responses((status = 200, body = Live)), security(()))]
#[route("/health/live", method = "GET", method = "HEAD")]
async fn live() -> HttpResponse {
    HttpResponse::Ok()
        .insert_header(("Cache-Control", "no-store"))
        .json(Live {
            status: "alive",
            version: env!("CARGO_PKG_VERSION"),
        })
}

/// Whether this instance may be given clients.
#[utoipa::path(
    tag = "server",
    responses((status = 200, body = Ready), (status = 503, body = Ready)),
    security(()),
)]
#[route("/health/ready", method = "GET", method = "HEAD")]
async fn ready(readiness: web::Data<Readiness>) -> HttpResponse {
    let (is_ready, status) = readiness.status();
    let mut answer = if is_ready {
        HttpResponse::Ok()
    } else {
        HttpResponse::ServiceUnavailable()
    };
    let redis = readiness.redis();
    answer
        .insert_header(("Cache-Control", "no-store"))
        .json(Ready { status, redis })
}

#[cfg(test)]
mod tests {
    use actix_web::{App, test};
    use serde_json::{Value, json};

    use super::*;

    async fn ask(readiness: &Readiness, path: &str) -> (u16, Value) {
        let readiness = readiness.clone();
        let app = test::init_service(App::new().configure(|c| routes(c, readiness))).await;
        let answer =
            test::call_service(&app, test::TestRequest::get().uri(path).to_request()).await;
        (answer.status().as_u16(), test::read_body_json(answer).await)
    }

    #[actix_web::test]
    async fn an_instance_is_ready_between_its_start_and_its_drain() {
        let readiness = Readiness::new(Redis::Off);
        assert_eq!(ask(&readiness, "/health/ready").await.0, 503);
        readiness.set_ready();
        let (status, body) = ask(&readiness, "/health/ready").await;
        assert_eq!(
            (status, body),
            (200, json!({"status": "ready", "redis": "off"}))
        );
        readiness.set_draining();
        readiness.set_ready();
        assert_eq!(ask(&readiness, "/health/ready").await.0, 503);
        assert_eq!(ask(&readiness, "/health/live").await.0, 200);
    }

    #[actix_web::test]
    async fn without_its_redis_an_instance_is_degraded_and_ready() {
        let readiness = Readiness::new(Redis::NotConnected);
        readiness.set_ready();
        let (status, body) = ask(&readiness, "/health/ready").await;
        assert_eq!((status, body["status"].as_str()), (200, Some("degraded")));
    }
}

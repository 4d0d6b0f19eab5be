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
use tokio::sync::watch;
use utoipa::ToSchema;

use super::operations::operations;
use crate::redis::{InstanceId, State};

/// Where the instance is in its life. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Readiness {
    phase: Arc<AtomicU8>,
    redis: Option<RedisLink>,
}

/// What is told of a Redis that is configured.
#[derive(Clone, Debug)]
pub struct RedisLink {
    pub state: watch::Receiver<State>,
    /// The name of this instance in the fleet.
    pub instance: InstanceId,
}

const STARTING: u8 = 0;
const READY: u8 = 1;
const DRAINING: u8 = 2;

impl Readiness {
    /// An instance that is starting; `None` is a single instance on purpose.
    pub fn new(redis: Option<RedisLink>) -> Self {
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

    /// Whether clients may come, and what is said about it.
    fn report(&self) -> (bool, Ready) {
        let redis = match &self.redis {
            None => "off",
            Some(link) => match *link.state.borrow() {
                State::Up => "connected",
                State::Restoring => "restoring",
                State::Connecting | State::Down { .. } => "unreachable",
            },
        };
        let (is_ready, status) = match self.phase.load(Ordering::Acquire) {
            STARTING => (false, "starting"),
            DRAINING => (false, "draining"),
            _ if matches!(redis, "off" | "connected") => (true, "healthy"),
            _ => (true, "degraded"),
        };
        let instance = self.redis.as_ref();
        let report = Ready {
            status,
            redis,
            instance_id: instance.map(|link| link.instance.to_string()),
            version: env!("CARGO_PKG_VERSION"),
        };
        (is_ready, report)
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

/// `healthy` or `degraded`, else `starting` or `draining`; and Redis: `off`, `connected`,
/// `restoring` or `unreachable`.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Ready {
    status: &'static str,
    redis: &'static str,
    /// The name in the fleet, with a Redis.
    #[serde(skip_serializing_if = "Option::is_none")]
    instance_id: Option<String>,
    version: &'static str,
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
    let (is_ready, report) = readiness.report();
    let mut answer = if is_ready {
        HttpResponse::Ok()
    } else {
        HttpResponse::ServiceUnavailable()
    };
    answer
        .insert_header(("Cache-Control", "no-store"))
        .json(report)
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
        let readiness = Readiness::new(None);
        assert_eq!(ask(&readiness, "/health/ready").await.0, 503);
        readiness.set_ready();
        let (status, body) = ask(&readiness, "/health/ready").await;
        assert_eq!(status, 200);
        assert_eq!(
            (&body["status"], &body["redis"]),
            (&json!("healthy"), &json!("off"))
        );
        readiness.set_draining();
        readiness.set_ready();
        assert_eq!(ask(&readiness, "/health/ready").await.0, 503);
        assert_eq!(ask(&readiness, "/health/live").await.0, 200);
    }

    #[actix_web::test]
    async fn without_its_redis_an_instance_is_degraded_and_ready() {
        let (states, state) = watch::channel(State::Connecting);
        let instance = InstanceId::new("me");
        let readiness = Readiness::new(Some(RedisLink { state, instance }));
        readiness.set_ready();
        let down = State::Down {
            since: std::time::Instant::now(),
            reason: "Connection refused".into(),
        };
        for (state, status, redis) in [
            (down, "degraded", "unreachable"),
            (State::Restoring, "degraded", "restoring"),
            (State::Up, "healthy", "connected"),
        ] {
            states.send_replace(state);
            let (code, body) = ask(&readiness, "/health/ready").await;
            assert_eq!(code, 200);
            assert_eq!(
                (&body["status"], &body["redis"]),
                (&json!(status), &json!(redis))
            );
            assert_eq!(body["instanceId"], "me");
        }
    }
}

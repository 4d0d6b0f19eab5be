//! `/api/v1/bots` and `/api/v1/backtests`: producers that speak HTTP report here, operators look
//! and remove. The shapes are those of the hubs.

pub mod backtests;
pub mod bots;

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, OpenApi};

use super::request::json_body;
use crate::{
    auth::{Authentication, roles},
    problem::Problem,
    signalr::connection::User,
    trading::{
        BacktestService, BotService,
        fleet::Missing,
        ids::{self, Id},
        live::Live,
        subject::Subject,
        workers::Reporter,
    },
};

/// What the routes need.
#[derive(Clone)]
pub struct TradingRoutes {
    pub authentication: Arc<Authentication>,
    pub bots: Arc<BotService>,
    pub backtests: Arc<BacktestService>,
}

type Routes = web::Data<TradingRoutes>;
type Answer = Result<HttpResponse, Problem>;

/// Adds the routes.
pub fn routes(config: &mut web::ServiceConfig, routes: TradingRoutes) {
    config.app_data(web::Data::new(routes));
    bots::routes(config);
    backtests::routes(config);
}

/// The routes' part of the OpenAPI document.
pub fn described() -> utoipa::openapi::OpenApi {
    let mut document = bots::Described::openapi();
    document.merge(backtests::Described::openapi());
    document
}

impl TradingRoutes {
    /// Lets in who holds the role.
    async fn require(&self, request: &HttpRequest, role: &str) -> Result<User, Problem> {
        self.authentication.require(request, role).await
    }
}

/// The bot or backtest of an address.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
struct OfId {
    /// Percent-encoded; a slash inside is `%2F`.
    #[param(min_length = 1, max_length = 128)]
    id: String,
}

impl OfId {
    fn checked(&self) -> Result<Id, Problem> {
        ids::check(&self.id, "id")
    }
}

/// What makes a report that is sent again the same report.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[allow(dead_code)]
struct IdempotencyKey {
    /// For five minutes the same key gives the first answer again; with another content it is
    /// `idempotency_conflict`.
    #[param(rename = "Idempotency-Key", min_length = 1, max_length = 128)]
    key: Option<String>,
}

impl IdempotencyKey {
    fn of(request: &HttpRequest) -> Result<Option<String>, Problem> {
        let header = request.headers().get("idempotency-key");
        let text = header.map(|value| value.to_str().map(str::to_owned));
        text.transpose()
            .map_err(|_| Problem::invalid("`Idempotency-Key` is not text"))
    }
}

/// Reads one event, or an array of them.
async fn events(request: &HttpRequest, body: web::Payload) -> Result<Vec<Value>, Problem> {
    let body = json_body(request, body).await?;
    match serde_json::from_slice(&body) {
        Ok(Value::Array(events)) => Ok(events),
        Ok(event) => Ok(vec![event]),
        Err(error) => Err(Problem::invalid(format!("the body is not JSON: {error}"))),
    }
}

fn found(value: impl Serialize) -> Answer {
    Ok(HttpResponse::Ok().json(value))
}

/// Takes a producer's report.
async fn report<S: Subject>(
    routes: &TradingRoutes,
    live: &Arc<Live<S>>,
    request: &HttpRequest,
    of: &OfId,
    body: web::Payload,
) -> Answer {
    routes.require(request, roles::WORKER).await?;
    let (id, key) = (of.checked()?, IdempotencyKey::of(request)?);
    let events = events(request, body).await?;
    let receipt = live.report(&Reporter::Http, &id, events, key, Missing::Make);
    Ok(HttpResponse::Accepted().json(receipt.await?))
}

async fn remove<S: Subject>(
    routes: &TradingRoutes,
    live: &Arc<Live<S>>,
    request: &HttpRequest,
    of: &OfId,
) -> Answer {
    routes.require(request, roles::ADMIN).await?;
    live.remove(&of.checked()?).await?;
    Ok(HttpResponse::NoContent().finish())
}

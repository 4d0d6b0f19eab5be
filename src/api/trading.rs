//! `/api/v1/bots` and `/api/v1/backtests`: producers that speak HTTP report here, operators look
//! and remove. The shapes are those of the hubs.

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{
    auth::{Authentication, roles},
    problem::{Code, Problem},
    trading::{
        BacktestService, BotService,
        backtests::State,
        ids::{self, Id},
        report::Receipt,
        workers::Reporter,
    },
};

/// The largest body that is read.
const MAXIMUM_BODY: usize = 1024 * 1024;

/// What the routes need.
#[derive(Clone)]
pub struct TradingRoutes {
    pub authentication: Arc<Authentication>,
    pub bots: Arc<BotService>,
    pub backtests: Arc<BacktestService>,
}

type Routes = web::Data<TradingRoutes>;
type Body = Result<web::Bytes, actix_web::Error>;
type Answer = Result<HttpResponse, Problem>;

/// Adds the routes.
pub fn routes(config: &mut web::ServiceConfig, routes: TradingRoutes) {
    let resource = |path: &str| {
        web::resource(format!("/api/v1/{path}"))
            .app_data(web::Data::new(routes.clone()))
            .app_data(web::PayloadConfig::new(MAXIMUM_BODY))
            .default_service(web::to(not_allowed))
    };
    config
        .service(resource("bots").get(list_bots))
        .service(resource("bots/{id}").get(bot).delete(remove_bot))
        .service(resource("bots/{id}/events").post(report_bot))
        .service(resource("bots/{id}/trades").get(bot_trades))
        .service(resource("bots/{id}/orders").get(bot_orders))
        .service(resource("bots/{id}/logs").get(bot_logs))
        .service(resource("backtests").get(list_backtests))
        .service(
            resource("backtests/{id}")
                .get(backtest)
                .delete(remove_backtest),
        )
        .service(resource("backtests/{id}/events").post(report_backtest))
        .service(resource("backtests/{id}/trades").get(backtest_trades))
        .service(resource("backtests/{id}/logs").get(backtest_logs));
}

impl TradingRoutes {
    /// Lets in who holds the role.
    fn require(&self, request: &HttpRequest, role: &str) -> Result<(), Problem> {
        let user = self.authentication.http_user(request)?;
        if user.has_role(role) {
            return Ok(());
        }
        Err(Problem::forbidden(format!("the role {role} is needed")))
    }
}

async fn list_bots(request: HttpRequest, routes: Routes) -> Answer {
    routes.require(&request, roles::VIEWER)?;
    Ok(HttpResponse::Ok().json(routes.bots.list()))
}

async fn bot(request: HttpRequest, routes: Routes, id: web::Path<String>) -> Answer {
    routes.require(&request, roles::VIEWER)?;
    Ok(HttpResponse::Ok().json(routes.bots.get(&id)?))
}

async fn remove_bot(request: HttpRequest, routes: Routes, id: web::Path<String>) -> Answer {
    routes.require(&request, roles::ADMIN)?;
    routes.bots.remove(&checked(&id)?)?;
    Ok(HttpResponse::NoContent().finish())
}

async fn report_bot(
    request: HttpRequest,
    routes: Routes,
    id: web::Path<String>,
    body: Body,
) -> Answer {
    routes.require(&request, roles::WORKER)?;
    let (id, key) = (checked(&id)?, idempotency_key(&request)?);
    let events = events(&request, body)?;
    let receipt = routes.bots.report(&Reporter::Http, &id, events, key);
    Ok(accepted(&receipt.await?))
}

async fn bot_trades(request: HttpRequest, routes: Routes, id: web::Path<String>) -> Answer {
    routes.require(&request, roles::VIEWER)?;
    let page = routes.bots.trades(&id, &query(&request)?)?;
    Ok(HttpResponse::Ok().json(page))
}

async fn bot_orders(request: HttpRequest, routes: Routes, id: web::Path<String>) -> Answer {
    routes.require(&request, roles::VIEWER)?;
    let page = routes.bots.orders(&id, &query(&request)?)?;
    Ok(HttpResponse::Ok().json(page))
}

async fn bot_logs(request: HttpRequest, routes: Routes, id: web::Path<String>) -> Answer {
    routes.require(&request, roles::VIEWER)?;
    let page = routes.bots.logs(&id, &query(&request)?)?;
    Ok(HttpResponse::Ok().json(page))
}

/// Which backtests are listed.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Filter {
    bundle_id: Option<String>,
    state: Option<State>,
}

async fn list_backtests(request: HttpRequest, routes: Routes) -> Answer {
    routes.require(&request, roles::VIEWER)?;
    let filter: Filter = query(&request)?;
    let bundle_id = filter.bundle_id.as_deref();
    let bundle_id = bundle_id.map(|id| ids::check(id, "bundleId")).transpose()?;
    let page = query(&request)?;
    let page = routes
        .backtests
        .list(bundle_id.as_ref(), filter.state, &page)?;
    Ok(HttpResponse::Ok().json(page))
}

async fn backtest(request: HttpRequest, routes: Routes, id: web::Path<String>) -> Answer {
    routes.require(&request, roles::VIEWER)?;
    Ok(HttpResponse::Ok().json(routes.backtests.get(&id)?))
}

async fn remove_backtest(request: HttpRequest, routes: Routes, id: web::Path<String>) -> Answer {
    routes.require(&request, roles::ADMIN)?;
    routes.backtests.remove(&checked(&id)?)?;
    Ok(HttpResponse::NoContent().finish())
}

async fn report_backtest(
    request: HttpRequest,
    routes: Routes,
    id: web::Path<String>,
    body: Body,
) -> Answer {
    routes.require(&request, roles::WORKER)?;
    let (id, key) = (checked(&id)?, idempotency_key(&request)?);
    let events = events(&request, body)?;
    let receipt = routes.backtests.report(&Reporter::Http, &id, events, key);
    Ok(accepted(&receipt.await?))
}

async fn backtest_trades(request: HttpRequest, routes: Routes, id: web::Path<String>) -> Answer {
    routes.require(&request, roles::VIEWER)?;
    let page = routes.backtests.trades(&id, &query(&request)?)?;
    Ok(HttpResponse::Ok().json(page))
}

async fn backtest_logs(request: HttpRequest, routes: Routes, id: web::Path<String>) -> Answer {
    routes.require(&request, roles::VIEWER)?;
    let page = routes.backtests.logs(&id, &query(&request)?)?;
    Ok(HttpResponse::Ok().json(page))
}

async fn not_allowed() -> Answer {
    let message = "this address does not have this method";
    Err(Problem::new(Code::MethodNotAllowed, message))
}

fn accepted(receipt: &Receipt) -> HttpResponse {
    HttpResponse::Accepted().json(receipt)
}

fn checked(id: &web::Path<String>) -> Result<Id, Problem> {
    ids::check(id, "id")
}

fn idempotency_key(request: &HttpRequest) -> Result<Option<String>, Problem> {
    let header = request.headers().get("idempotency-key");
    let text = header.map(|value| value.to_str().map(str::to_owned));
    text.transpose()
        .map_err(|_| Problem::invalid("`Idempotency-Key` is not text"))
}

fn query<T: DeserializeOwned>(request: &HttpRequest) -> Result<T, Problem> {
    let query = web::Query::<T>::from_query(request.query_string());
    let read = query.map_err(|error| Problem::invalid(format!("the query: {error}")));
    read.map(web::Query::into_inner)
}

/// One event, or an array of them.
fn events(request: &HttpRequest, body: Body) -> Result<Vec<Value>, Problem> {
    let media_type = request.headers().get("content-type");
    let media_type = media_type.and_then(|value| value.to_str().ok());
    let media_type = media_type.unwrap_or_default();
    let essence = media_type.split(';').next().unwrap_or_default().trim();
    if !essence.eq_ignore_ascii_case("application/json") {
        let message = "events are sent as application/json";
        return Err(Problem::new(Code::UnsupportedMediaType, message));
    }
    let body = body.map_err(|error| {
        if error.as_response_error().status_code() == 413 {
            Problem::new(Code::TooLarge, "a body has at most 1 MiB")
        } else {
            Problem::invalid("the body did not come whole")
        }
    })?;
    match serde_json::from_slice(&body) {
        Ok(Value::Array(events)) => Ok(events),
        Ok(event) => Ok(vec![event]),
        Err(error) => Err(Problem::invalid(format!("the body is not JSON: {error}"))),
    }
}

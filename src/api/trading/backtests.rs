//! `/api/v1/backtests`.

use actix_web::{HttpRequest, delete, get, post, web};
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};

use super::{Answer, IdempotencyKey, OfId, Routes, found, remove, report};
use crate::{
    api::{
        answers::{NotRead, NotReported},
        operations::operations,
        request::query,
    },
    auth::roles,
    trading::{
        backtests::{BacktestEvent, BacktestSnapshot, State},
        bots::{LogLine, Numbered},
        ids,
        paging::{Page, PageRequest},
        report::Receipt,
    },
};

pub(super) fn routes(config: &mut web::ServiceConfig) {
    operations(config);
}

operations!(
    list_backtests,
    get_backtest,
    remove_backtest,
    report_backtest,
    backtest_trades,
    backtest_logs,
);

/// Which backtests are listed.
#[derive(Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
struct Filter {
    /// Only those of this bundle.
    #[param(min_length = 1, max_length = 128)]
    bundle_id: Option<String>,
    /// Only those in this state.
    #[param(inline)]
    state: Option<State>,
}

/// One event, or up to 1,000 of them; each may have a `ts` of its own.
#[derive(ToSchema)]
#[serde(untagged)]
#[allow(dead_code)]
enum BacktestReport {
    One(BacktestEvent),
    Several(Vec<BacktestEvent>),
}

/// A trade as the worker reported it.
#[derive(ToSchema)]
#[schema(value_type = Object)]
#[allow(dead_code)]
struct BacktestTrade(Map<String, Value>);

/// Backtests, newest first, without their equity curves.
#[utoipa::path(
    tag = "backtests",
    params(Filter, PageRequest),
    responses((status = 200, body = Page<BacktestSnapshot>), NotRead),
)]
#[get("/api/v1/backtests")]
async fn list_backtests(request: HttpRequest, routes: Routes) -> Answer {
    routes.require(&request, roles::VIEWER).await?;
    let filter: Filter = query(&request)?;
    let bundle_id = filter.bundle_id.as_deref();
    let bundle_id = bundle_id.map(|id| ids::check(id, "bundleId")).transpose()?;
    let page = query(&request)?;
    found(
        routes
            .backtests
            .list(bundle_id.as_ref(), filter.state, &page)
            .await?,
    )
}

/// One backtest.
#[utoipa::path(tag = "backtests", params(OfId), responses((status = 200, body = BacktestSnapshot), NotRead))]
#[get("/api/v1/backtests/{id}")]
async fn get_backtest(request: HttpRequest, routes: Routes, path: web::Path<OfId>) -> Answer {
    routes.require(&request, roles::VIEWER).await?;
    found(routes.backtests.live.get(&path.checked()?).await?)
}

/// Remove a backtest for good; a registered worker's registration ends.
#[utoipa::path(tag = "backtests", params(OfId), responses((status = 204, description = "It is gone"), NotRead))]
#[delete("/api/v1/backtests/{id}")]
async fn remove_backtest(request: HttpRequest, routes: Routes, path: web::Path<OfId>) -> Answer {
    remove(&routes, &routes.backtests.live, &request, &path).await
}

/// Report events of a backtest. The first report creates it.
#[utoipa::path(
    tag = "backtests",
    params(OfId, IdempotencyKey),
    request_body = BacktestReport,
    responses((status = 202, body = Receipt), NotReported),
)]
#[post("/api/v1/backtests/{id}/events")]
async fn report_backtest(
    request: HttpRequest,
    routes: Routes,
    path: web::Path<OfId>,
    body: web::Payload,
) -> Answer {
    report(&routes, &routes.backtests.live, &request, &path, body).await
}

/// A backtest's trades, newest first.
#[utoipa::path(
    tag = "backtests",
    params(OfId, PageRequest),
    responses((status = 200, body = Page<Numbered<BacktestTrade>>), NotRead),
)]
#[get("/api/v1/backtests/{id}/trades")]
async fn backtest_trades(request: HttpRequest, routes: Routes, path: web::Path<OfId>) -> Answer {
    routes.require(&request, roles::VIEWER).await?;
    let page = query(&request)?;
    found(routes.backtests.trades(&path.checked()?, &page).await?)
}

/// A backtest's log, newest line first.
#[utoipa::path(
    tag = "backtests",
    params(OfId, PageRequest),
    responses((status = 200, body = Page<Numbered<LogLine>>), NotRead),
)]
#[get("/api/v1/backtests/{id}/logs")]
async fn backtest_logs(request: HttpRequest, routes: Routes, path: web::Path<OfId>) -> Answer {
    routes.require(&request, roles::VIEWER).await?;
    found(
        routes
            .backtests
            .logs(&path.checked()?, &query(&request)?)
            .await?,
    )
}

//! `/api/v1/bots`.

use actix_web::{HttpRequest, delete, get, post, web};
use utoipa::ToSchema;

use super::{Answer, IdempotencyKey, OfId, Routes, found, remove, report};
use crate::{
    api::{
        answers::{NotRead, NotReported},
        operations::operations,
        request::query,
    },
    auth::roles,
    trading::{
        bots::{BotEvent, BotSnapshot, LogLine, Numbered, Order, Trade},
        paging::{Page, PageRequest},
        report::Receipt,
    },
};

pub(super) fn routes(config: &mut web::ServiceConfig) {
    operations(config);
}

operations!(
    list_bots, get_bot, remove_bot, report_bot, bot_trades, bot_orders, bot_logs,
);

/// One event, or up to 1,000 of them; each may have a `ts` of its own.
#[derive(ToSchema)]
#[serde(untagged)]
#[allow(dead_code)]
enum BotReport {
    One(BotEvent),
    Several(Vec<BotEvent>),
}

/// All bots, without their arrays.
#[utoipa::path(tag = "bots", responses((status = 200, body = Vec<BotSnapshot>), NotRead))]
#[get("/api/v1/bots")]
async fn list_bots(request: HttpRequest, routes: Routes) -> Answer {
    routes.require(&request, roles::VIEWER).await?;
    found(routes.bots.list().await?)
}

/// One bot.
#[utoipa::path(tag = "bots", params(OfId), responses((status = 200, body = BotSnapshot), NotRead))]
#[get("/api/v1/bots/{id}")]
async fn get_bot(request: HttpRequest, routes: Routes, path: web::Path<OfId>) -> Answer {
    routes.require(&request, roles::VIEWER).await?;
    found(routes.bots.live.get(&path.checked()?).await?)
}

/// Remove a bot for good; a registered worker's registration ends.
#[utoipa::path(tag = "bots", params(OfId), responses((status = 204, description = "It is gone"), NotRead))]
#[delete("/api/v1/bots/{id}")]
async fn remove_bot(request: HttpRequest, routes: Routes, path: web::Path<OfId>) -> Answer {
    remove(&routes, &routes.bots.live, &request, &path).await
}

/// Report events of a bot. The first report creates it.
#[utoipa::path(
    tag = "bots",
    params(OfId, IdempotencyKey),
    request_body = BotReport,
    responses((status = 202, body = Receipt), NotReported),
)]
#[post("/api/v1/bots/{id}/events")]
async fn report_bot(
    request: HttpRequest,
    routes: Routes,
    path: web::Path<OfId>,
    body: web::Payload,
) -> Answer {
    report(&routes, &routes.bots.live, &request, &path, body).await
}

/// A bot's trades, newest first.
#[utoipa::path(
    tag = "bots",
    params(OfId, PageRequest),
    responses((status = 200, body = Page<Numbered<Trade>>), NotRead),
)]
#[get("/api/v1/bots/{id}/trades")]
async fn bot_trades(request: HttpRequest, routes: Routes, path: web::Path<OfId>) -> Answer {
    routes.require(&request, roles::VIEWER).await?;
    found(
        routes
            .bots
            .trades(&path.checked()?, &query(&request)?)
            .await?,
    )
}

/// A bot's orders, newest first, each in its last form.
#[utoipa::path(
    tag = "bots",
    params(OfId, PageRequest),
    responses((status = 200, body = Page<Numbered<Order>>), NotRead),
)]
#[get("/api/v1/bots/{id}/orders")]
async fn bot_orders(request: HttpRequest, routes: Routes, path: web::Path<OfId>) -> Answer {
    routes.require(&request, roles::VIEWER).await?;
    found(
        routes
            .bots
            .orders(&path.checked()?, &query(&request)?)
            .await?,
    )
}

/// A bot's log, newest line first.
#[utoipa::path(
    tag = "bots",
    params(OfId, PageRequest),
    responses((status = 200, body = Page<Numbered<LogLine>>), NotRead),
)]
#[get("/api/v1/bots/{id}/logs")]
async fn bot_logs(request: HttpRequest, routes: Routes, path: web::Path<OfId>) -> Answer {
    routes.require(&request, roles::VIEWER).await?;
    found(
        routes
            .bots
            .logs(&path.checked()?, &query(&request)?)
            .await?,
    )
}

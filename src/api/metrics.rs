//! `/metrics`: Prometheus text, open unless `Metrics:RequireRole` names a role.

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse, get, web};

use super::{answers::NotRead, operations::operations};
use crate::{
    auth::Authentication,
    problem::{Code, Problem},
    telemetry::metrics::{CONTENT_TYPE, Metrics},
};

/// What the route needs.
#[derive(Clone)]
pub struct MetricsRoute {
    pub metrics: Arc<Metrics>,
    pub authentication: Arc<Authentication>,
    pub required_role: Option<String>,
}

/// Adds the route.
pub fn routes(config: &mut web::ServiceConfig, route: MetricsRoute) {
    config.app_data(web::Data::new(route));
    operations(config);
}

operations!(metrics);

/// Numbers for Prometheus.
#[utoipa::path(
    tag = "server",
    responses((status = 200, body = String, content_type = CONTENT_TYPE), NotRead),
)]
#[get("/metrics")]
async fn metrics(
    request: HttpRequest,
    route: web::Data<MetricsRoute>,
) -> Result<HttpResponse, Problem> {
    if let Some(role) = &route.required_role {
        route.authentication.require(&request, role).await?;
    }
    let text = route
        .metrics
        .text()
        .await
        .map_err(|_| Problem::new(Code::StoreUnavailable, "the numbers cannot be written"))?;
    Ok(HttpResponse::Ok().content_type(CONTENT_TYPE).body(text))
}

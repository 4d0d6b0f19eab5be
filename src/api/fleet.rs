//! `/api/v1/instances` and `/api/v1/connections`: the fleet and its clients, for operators. Every
//! instance answers for all of them.

use std::{collections::BTreeMap, sync::Arc};

use actix_web::{HttpRequest, HttpResponse, delete, get, web};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{answers::NotRead, operations::operations, request::query};
use crate::{
    auth::{Authentication, roles},
    problem::{Code, Problem},
    redis::{InstanceId, Instances},
    signalr::{
        fleet::message::{Filter, OpenConnection},
        transport::{Incomplete, OpenConnections},
    },
    trading::paging::{Page, PageRequest},
};

/// What the routes need.
#[derive(Clone)]
pub struct FleetRoutes {
    pub authentication: Arc<Authentication>,
    pub id: InstanceId,
    /// What this instance says of itself now.
    pub about: Arc<dyn Fn() -> About + Send + Sync>,
    /// The others; none without Redis.
    pub instances: Option<Arc<Instances>>,
}

type Routes = web::Data<FleetRoutes>;
type Open = web::Data<OpenConnections>;
type Answer = Result<HttpResponse, Problem>;

operations!(list_instances, list_connections, close_connection);

/// Adds the routes.
pub fn routes(config: &mut web::ServiceConfig, routes: FleetRoutes) {
    config.app_data(web::Data::new(routes));
    operations(config);
}

/// What an instance says of itself, with every heartbeat.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct About {
    pub version: String,
    pub started_at: String,
    pub uptime_ms: u64,
    /// By hub, then by transport.
    pub connections: BTreeMap<String, BTreeMap<String, usize>>,
    /// `off`, `connecting`, `restoring`, `connected` or `unreachable`.
    pub redis: String,
    /// `shared` if Redis keeps the key of connection tokens, else a mark of the configured one:
    /// instances with different marks refuse each other's tokens.
    pub token_key: String,
}

/// One instance of the fleet.
#[derive(Serialize, ToSchema)]
struct InstanceView {
    id: String,
    #[serde(flatten)]
    about: About,
}

/// One open connection.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ConnectionView {
    /// The public id, never the token.
    connection_id: String,
    hub: String,
    user: Option<String>,
    instance_id: String,
    #[schema(example = "WebSockets")]
    transport: String,
    #[schema(example = "json")]
    protocol: String,
    connected_at: String,
}

/// Which connections are wanted.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Wanted {
    /// Of this hub only, in any case.
    hub: Option<String>,
    /// Of this user only.
    user: Option<String>,
}

/// The instances of the fleet. While Redis is away only the one that answers.
#[utoipa::path(tag = "fleet", responses((status = 200, body = Vec<InstanceView>), NotRead))]
#[get("/api/v1/instances")]
async fn list_instances(request: HttpRequest, routes: Routes) -> Answer {
    routes.require_admin(&request).await?;
    let own = InstanceView {
        id: routes.id.to_string(),
        about: (routes.about)(),
    };
    let others = match &routes.instances {
        Some(instances) => instances.list().await.unwrap_or_default(),
        None => Vec::new(),
    };
    let others = others.into_iter().filter(|other| other.id != routes.id);
    let mut all: Vec<_> = others
        .map(|other| InstanceView {
            id: other.id.to_string(),
            about: serde_json::from_value(other.description).unwrap_or_default(),
        })
        .collect();
    all.push(own);
    all.sort_by(|one, other| one.id.cmp(&other.id));
    Ok(HttpResponse::Ok().json(all))
}

/// Open connections of all instances, newest first.
#[utoipa::path(
    tag = "fleet",
    params(Wanted, PageRequest),
    responses((status = 200, body = Page<ConnectionView>), NotRead),
)]
#[get("/api/v1/connections")]
async fn list_connections(request: HttpRequest, routes: Routes, open: Open) -> Answer {
    routes.require_admin(&request).await?;
    let (wanted, page): (Wanted, PageRequest) = (query(&request)?, query(&request)?);
    let limit = page.limit();
    let filter = Filter {
        hub: wanted.hub,
        user: wanted.user,
        before: page.cursor.as_deref().map(read_cursor).transpose()?,
        // One more tells whether there is another page.
        limit: limit + 1,
    };
    let mut listed = open.list(&filter).await.map_err(incomplete)?;
    let has_more = listed.len() > limit;
    listed.truncate(limit);
    let last = listed.last().filter(|_| has_more);
    let next_cursor = last.map(|last| format!("{}.{}", last.connected_at, last.connection_id));
    let items = listed
        .into_iter()
        .map(|open| view(open, &routes.id))
        .collect();
    Ok(HttpResponse::Ok().json(Page { items, next_cursor }))
}

/// Close a connection, on whatever instance; its client does not come back by itself.
#[utoipa::path(
    tag = "fleet",
    params(("id" = String, Path, description = "The public id of the connection")),
    responses((status = 204, description = "It is closed"), NotRead),
)]
#[delete("/api/v1/connections/{id}")]
async fn close_connection(
    request: HttpRequest,
    routes: Routes,
    open: Open,
    id: web::Path<String>,
) -> Answer {
    routes.require_admin(&request).await?;
    if open.close(&id).await.map_err(incomplete)? {
        return Ok(HttpResponse::NoContent().finish());
    }
    Err(Problem::not_found("there is no connection with this id"))
}

impl FleetRoutes {
    async fn require_admin(&self, request: &HttpRequest) -> Result<(), Problem> {
        let user = self.authentication.require(request, roles::ADMIN).await;
        user.map(|_| ())
    }
}

fn view(open: OpenConnection, here: &InstanceId) -> ConnectionView {
    let connected_at = chrono::DateTime::from_timestamp_millis(open.connected_at);
    let instance = Some(open.instance_id).filter(|id| !id.is_empty());
    ConnectionView {
        connection_id: open.connection_id,
        hub: open.hub,
        user: open.user,
        instance_id: instance.unwrap_or_else(|| here.to_string()),
        transport: open.transport,
        protocol: open.protocol,
        connected_at: connected_at
            .unwrap_or_default()
            .to_rfc3339_opts(chrono::SecondsFormat::Millis, true),
    }
}

fn read_cursor(cursor: &str) -> Result<(i64, String), Problem> {
    let parts = cursor.split_once('.');
    let read = parts.and_then(|(at, id)| Some((at.parse().ok()?, id.to_owned())));
    read.ok_or_else(|| Problem::invalid("`cursor` is not one that this list gave out"))
}

fn incomplete(error: Incomplete) -> Problem {
    Problem::new(Code::StoreUnavailable, error.to_string())
}

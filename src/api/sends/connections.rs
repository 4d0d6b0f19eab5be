//! To one connection.

use actix_web::{HttpRequest, delete, post, route, web};
use serde::Deserialize;
use utoipa::IntoParams;

use super::{
    Answer, Reason, Sends,
    answer::{self, Accepted, Done, Refusal},
    check_name, close, existence,
    message::{Message, PayloadMessage},
    order::{Order, Whom},
    presence::Presence,
};
use crate::{
    api::{
        answers::{NotRead, NotTaken},
        operations::operations,
    },
    problem::Problem,
};

pub(super) fn routes(config: &mut web::ServiceConfig) {
    operations(config);
}

operations!(
    send_to_connection,
    connection_exists,
    close_hub_connection,
    leave_all_groups,
);

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
struct ConnectionPath {
    /// `llmhub`, `bothub` or `backtesthub`, in any case.
    hub: String,
    /// The id that the client knows its connection by.
    #[param(min_length = 1, max_length = 1024)]
    connection: String,
}

impl ConnectionPath {
    async fn hub(&self, request: &HttpRequest, sends: &Sends) -> Result<Presence, Problem> {
        let hub = sends.hub(request, &self.hub).await?;
        check_name(&self.connection, "connection's id")?;
        Ok(hub)
    }

    fn whom(&self) -> Whom {
        Whom::Connection(self.connection.clone())
    }
}

fn not_there() -> Refusal {
    Refusal::no_connection("Warning.Connection.NotExisted")
}

/// Send a message to one connection.
#[utoipa::path(tag = "sends", params(ConnectionPath), request_body = PayloadMessage, responses(Accepted, NotTaken))]
#[post("/api/hubs/{hub}/connections/{connection}/:send")]
async fn send_to_connection(
    request: HttpRequest,
    sends: Sends,
    path: web::Path<ConnectionPath>,
    body: web::Payload,
) -> Answer {
    let hub = path.hub(&request, &sends).await?;
    let message = Message::read(&request, body).await?;
    let client = hub.clients().connection(&path.connection);
    message.send_to_one(client).await?;
    Ok(answer::accepted())
}

/// Whether a connection exists.
#[utoipa::path(tag = "sends", params(ConnectionPath), responses((status = 200, description = "It does"), NotRead))]
#[route(
    "/api/hubs/{hub}/connections/{connection}",
    method = "GET",
    method = "HEAD"
)]
async fn connection_exists(
    request: HttpRequest,
    sends: Sends,
    path: web::Path<ConnectionPath>,
) -> Answer {
    let hub = path.hub(&request, &sends).await?;
    existence(&hub, path.whom(), not_there()).await
}

/// Close a connection.
#[utoipa::path(
    tag = "sends",
    params(ConnectionPath, Reason),
    responses(Done, NotRead)
)]
#[delete("/api/hubs/{hub}/connections/{connection}")]
async fn close_hub_connection(
    request: HttpRequest,
    sends: Sends,
    path: web::Path<ConnectionPath>,
) -> Answer {
    let hub = path.hub(&request, &sends).await?;
    match close(&hub, path.whom(), &request).await? {
        true => Ok(answer::done()),
        false => Err(not_there()),
    }
}

/// Take a connection out of all groups. One that does not exist is in none.
#[utoipa::path(tag = "sends", params(ConnectionPath), responses(Done, NotRead))]
#[delete("/api/hubs/{hub}/connections/{connection}/groups")]
async fn leave_all_groups(
    request: HttpRequest,
    sends: Sends,
    path: web::Path<ConnectionPath>,
) -> Answer {
    let hub = path.hub(&request, &sends).await?;
    hub.everywhere(Order::LeaveAll(path.whom())).await?;
    Ok(answer::done())
}

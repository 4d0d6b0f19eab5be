//! To the members of a group, and who is one.

use actix_web::{HttpRequest, HttpResponse, delete, post, put, route, web};
use serde::Deserialize;
use utoipa::IntoParams;

use super::{
    Answer, Excluded, Reason, Sends,
    answer::{self, Accepted, Done, Refusal},
    check_name, close, existence,
    message::{Message, PayloadMessage},
    order::Whom,
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
    send_to_group,
    group_exists,
    close_group_connections,
    add_connection_to_group,
    remove_connection_from_group,
);

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
struct GroupPath {
    /// `llmhub`, `bothub` or `backtesthub`, in any case.
    hub: String,
    /// The group's name.
    #[param(min_length = 1, max_length = 1024)]
    group: String,
}

impl GroupPath {
    async fn hub(&self, request: &HttpRequest, sends: &Sends) -> Result<Presence, Problem> {
        let hub = sends.hub(request, &self.hub).await?;
        check_name(&self.group, "group")?;
        Ok(hub)
    }

    fn whom(&self) -> Whom {
        Whom::Group(self.group.clone())
    }
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
struct MemberPath {
    /// `llmhub`, `bothub` or `backtesthub`, in any case.
    hub: String,
    /// The group's name.
    #[param(min_length = 1, max_length = 1024)]
    group: String,
    /// The id that the client knows its connection by.
    #[param(min_length = 1, max_length = 1024)]
    connection: String,
}

impl MemberPath {
    async fn hub(&self, request: &HttpRequest, sends: &Sends) -> Result<Presence, Problem> {
        let hub = sends.hub(request, &self.hub).await?;
        check_name(&self.group, "group")?;
        check_name(&self.connection, "connection's id")?;
        Ok(hub)
    }
}

/// Send a message to the members of a group.
#[utoipa::path(tag = "sends", params(GroupPath, Excluded), request_body = PayloadMessage, responses(Accepted, NotTaken))]
#[post("/api/hubs/{hub}/groups/{group}/:send")]
async fn send_to_group(
    request: HttpRequest,
    sends: Sends,
    path: web::Path<GroupPath>,
    body: web::Payload,
) -> Answer {
    let hub = path.hub(&request, &sends).await?;
    let message = Message::read(&request, body).await?;
    let excluded = Excluded::of(&request).excluded;
    let clients = hub.clients().group_except(&path.group, &excluded);
    message.send(clients).await?;
    Ok(answer::accepted())
}

/// Whether anybody is in a group.
#[utoipa::path(tag = "sends", params(GroupPath), responses((status = 200, description = "Somebody is"), NotRead))]
#[route("/api/hubs/{hub}/groups/{group}", method = "GET", method = "HEAD")]
async fn group_exists(request: HttpRequest, sends: Sends, path: web::Path<GroupPath>) -> Answer {
    let hub = path.hub(&request, &sends).await?;
    existence(&hub, path.whom(), Refusal::no_group()).await
}

/// Close the connections of a group.
#[utoipa::path(
    tag = "sends",
    params(GroupPath, Excluded, Reason),
    responses((status = 204, description = "They are being closed"), NotRead),
)]
#[post("/api/hubs/{hub}/groups/{group}/:closeConnections")]
async fn close_group_connections(
    request: HttpRequest,
    sends: Sends,
    path: web::Path<GroupPath>,
) -> Answer {
    let hub = path.hub(&request, &sends).await?;
    close(&hub, path.whom(), &request).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Add a connection to a group.
#[utoipa::path(tag = "sends", params(MemberPath), responses(Done, NotRead))]
#[put("/api/hubs/{hub}/groups/{group}/connections/{connection}")]
async fn add_connection_to_group(
    request: HttpRequest,
    sends: Sends,
    path: web::Path<MemberPath>,
) -> Answer {
    let hub = path.hub(&request, &sends).await?;
    let groups = hub.groups();
    groups.add(&path.connection, &path.group).await?;
    Ok(answer::done())
}

/// Take a connection out of a group.
#[utoipa::path(tag = "sends", params(MemberPath), responses(Done, NotRead))]
#[delete("/api/hubs/{hub}/groups/{group}/connections/{connection}")]
async fn remove_connection_from_group(
    request: HttpRequest,
    sends: Sends,
    path: web::Path<MemberPath>,
) -> Answer {
    let hub = path.hub(&request, &sends).await?;
    let groups = hub.groups();
    groups.remove(&path.connection, &path.group).await?;
    Ok(answer::done())
}

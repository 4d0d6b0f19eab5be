//! To a user's connections, and which groups they are in.

use actix_web::{HttpRequest, HttpResponse, delete, post, put, route, web};
use serde::Deserialize;
use utoipa::IntoParams;

use super::{
    Answer, Excluded, Reason, Sends,
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
        request::query_values,
    },
    problem::Problem,
};

pub(super) fn routes(config: &mut web::ServiceConfig) {
    operations(config);
}

operations!(
    send_to_user,
    user_exists,
    close_user_connections,
    user_is_in_group,
    add_user_to_group,
    remove_user_from_group,
    remove_user_from_all_groups,
);

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
struct UserPath {
    /// `llmhub`, `bothub` or `backtesthub`, in any case.
    hub: String,
    /// The user's id, the claim `sub` of their token.
    #[param(min_length = 1, max_length = 1024)]
    user: String,
}

impl UserPath {
    async fn hub(&self, request: &HttpRequest, sends: &Sends) -> Result<Presence, Problem> {
        let hub = sends.hub(request, &self.hub).await?;
        check_name(&self.user, "user")?;
        Ok(hub)
    }

    fn whom(&self) -> Whom {
        Whom::User(self.user.clone())
    }
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
struct MemberPath {
    /// `llmhub`, `bothub` or `backtesthub`, in any case.
    hub: String,
    /// The user's id, the claim `sub` of their token.
    #[param(min_length = 1, max_length = 1024)]
    user: String,
    /// The group's name.
    #[param(min_length = 1, max_length = 1024)]
    group: String,
}

impl MemberPath {
    async fn hub(&self, request: &HttpRequest, sends: &Sends) -> Result<Presence, Problem> {
        let hub = sends.hub(request, &self.hub).await?;
        check_name(&self.user, "user")?;
        check_name(&self.group, "group")?;
        Ok(hub)
    }

    fn whom(&self) -> Whom {
        Whom::User(self.user.clone())
    }
}

/// Azure keeps a user's membership for connections to come; here it ends with the connections.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
struct Lifetime {
    /// Seconds. Only 0 is taken, Azure's word for the connections that there are now: that is what
    /// happens without it, too.
    #[param(required = false, minimum = 0, maximum = 0)]
    #[allow(dead_code, reason = "described here, read from the query")]
    ttl: Option<u64>,
}

impl Lifetime {
    /// A promise that would not be kept is not made.
    fn check(request: &HttpRequest) -> Result<(), Problem> {
        match query_values(request, "ttl").iter().all(|ttl| ttl == "0") {
            true => Ok(()),
            false => Err(Problem::invalid(
                "`ttl` can only be 0: memberships are those of connections and end with them",
            )),
        }
    }
}

/// Send a message to a user.
#[utoipa::path(tag = "sends", params(UserPath), request_body = PayloadMessage, responses(Accepted, NotTaken))]
#[post("/api/hubs/{hub}/users/{user}/:send")]
async fn send_to_user(
    request: HttpRequest,
    sends: Sends,
    path: web::Path<UserPath>,
    body: web::Payload,
) -> Answer {
    let hub = path.hub(&request, &sends).await?;
    let message = Message::read(&request, body).await?;
    message.send(hub.clients().user(&path.user)).await?;
    Ok(answer::accepted())
}

/// Whether a user has a connection.
#[utoipa::path(tag = "sends", params(UserPath), responses((status = 200, description = "There is one"), NotRead))]
#[route("/api/hubs/{hub}/users/{user}", method = "GET", method = "HEAD")]
async fn user_exists(request: HttpRequest, sends: Sends, path: web::Path<UserPath>) -> Answer {
    let hub = path.hub(&request, &sends).await?;
    existence(&hub, path.whom(), Refusal::no_user()).await
}

/// Close a user's connections.
#[utoipa::path(
    tag = "sends",
    params(UserPath, Excluded, Reason),
    responses((status = 204, description = "They are being closed"), NotRead),
)]
#[post("/api/hubs/{hub}/users/{user}/:closeConnections")]
async fn close_user_connections(
    request: HttpRequest,
    sends: Sends,
    path: web::Path<UserPath>,
) -> Answer {
    let hub = path.hub(&request, &sends).await?;
    close(&hub, path.whom(), &request).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Whether a connection of a user is in a group.
#[utoipa::path(tag = "sends", params(MemberPath), responses((status = 200, description = "One is"), NotRead))]
#[route(
    "/api/hubs/{hub}/users/{user}/groups/{group}",
    method = "GET",
    method = "HEAD"
)]
async fn user_is_in_group(
    request: HttpRequest,
    sends: Sends,
    path: web::Path<MemberPath>,
) -> Answer {
    let hub = path.hub(&request, &sends).await?;
    if hub.is_in_group(path.whom(), &path.group).await? {
        return Ok(HttpResponse::Ok().finish());
    }
    Err(Refusal::not_in_group())
}

/// Add the connections that a user has now to a group.
#[utoipa::path(tag = "sends", params(MemberPath, Lifetime), responses(Done, NotRead))]
#[put("/api/hubs/{hub}/users/{user}/groups/{group}")]
async fn add_user_to_group(
    request: HttpRequest,
    sends: Sends,
    path: web::Path<MemberPath>,
) -> Answer {
    let hub = path.hub(&request, &sends).await?;
    Lifetime::check(&request)?;
    let order = Order::Join(path.whom(), path.group.clone());
    hub.everywhere(order).await?;
    Ok(answer::done())
}

/// Take a user's connections out of a group.
#[utoipa::path(
    tag = "sends", params(MemberPath),
    responses((status = 204, description = "None of them is in it"), NotRead),
)]
#[delete("/api/hubs/{hub}/users/{user}/groups/{group}")]
async fn remove_user_from_group(
    request: HttpRequest,
    sends: Sends,
    path: web::Path<MemberPath>,
) -> Answer {
    let hub = path.hub(&request, &sends).await?;
    let order = Order::Leave(path.whom(), path.group.clone());
    hub.everywhere(order).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Take a user's connections out of all groups.
#[utoipa::path(
    tag = "sends", params(UserPath),
    responses((status = 204, description = "They are in none"), NotRead),
)]
#[delete("/api/hubs/{hub}/users/{user}/groups")]
async fn remove_user_from_all_groups(
    request: HttpRequest,
    sends: Sends,
    path: web::Path<UserPath>,
) -> Answer {
    let hub = path.hub(&request, &sends).await?;
    hub.everywhere(Order::LeaveAll(path.whom())).await?;
    Ok(HttpResponse::NoContent().finish())
}

//! To everybody on a hub.

use actix_web::{HttpRequest, HttpResponse, post, web};

use super::{
    Answer, Excluded, HubPath, Reason, Sends,
    answer::{self, Accepted},
    close,
    message::{Message, PayloadMessage},
    order::Whom,
};
use crate::api::{
    answers::{NotRead, NotTaken},
    operations::operations,
};

pub(super) fn routes(config: &mut web::ServiceConfig) {
    operations(config);
}

operations!(broadcast, close_hub_connections);

/// Send a message to every client of a hub.
#[utoipa::path(tag = "sends", params(HubPath, Excluded), request_body = PayloadMessage, responses(Accepted, NotTaken))]
#[post("/api/hubs/{hub}/:send")]
async fn broadcast(
    request: HttpRequest,
    sends: Sends,
    path: web::Path<HubPath>,
    body: web::Payload,
) -> Answer {
    let hub = sends.hub(&request, &path.hub).await?;
    let message = Message::read(&request, body).await?;
    let excluded = Excluded::of(&request).excluded;
    message.send(hub.clients().all_except(&excluded)).await?;
    Ok(answer::accepted())
}

/// Close every connection of a hub.
#[utoipa::path(
    tag = "sends",
    params(HubPath, Excluded, Reason),
    responses((status = 204, description = "They are being closed"), NotRead),
)]
#[post("/api/hubs/{hub}/:closeConnections")]
async fn close_hub_connections(
    request: HttpRequest,
    sends: Sends,
    path: web::Path<HubPath>,
) -> Answer {
    let hub = sends.hub(&request, &path.hub).await?;
    close(&hub, Whom::All, &request).await?;
    Ok(HttpResponse::NoContent().finish())
}

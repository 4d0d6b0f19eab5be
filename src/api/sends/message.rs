//! The body of a send: the client method and its arguments.

use actix_web::{HttpRequest, web};
use serde::Deserialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use crate::{
    api::request::json_body,
    problem::{Code, Problem},
    signalr::{
        hub::{ClientProxy, SendError, SingleClientProxy},
        protocol::RawPayload,
    },
};

/// A call of a client method.
#[derive(Deserialize, ToSchema)]
pub struct PayloadMessage<'a> {
    /// The client method.
    #[schema(min_length = 1)]
    target: String,
    /// Its arguments, any JSON values. They reach clients as they are.
    #[serde(borrow)]
    #[schema(value_type = Option<Vec<serde_json::Value>>)]
    arguments: Option<&'a RawValue>,
}

/// What is sent. The arguments are never taken apart.
pub struct Message {
    target: String,
    arguments: Vec<RawPayload>,
}

impl Message {
    pub async fn read(request: &HttpRequest, body: web::Payload) -> Result<Self, Problem> {
        let body = json_body(request, body).await?;
        let invalid =
            |error: &dyn std::fmt::Display| Problem::invalid(format!("the body: {error}"));
        let message: PayloadMessage<'_> =
            serde_json::from_slice(&body).map_err(|error| invalid(&error))?;
        if message.target.is_empty() {
            return Err(Problem::invalid("`target` is empty"));
        }
        let arguments = message.arguments.map_or("[]", RawValue::get);
        let arguments = if arguments == "null" { "[]" } else { arguments };
        Ok(Self {
            target: message.target,
            arguments: RawPayload::from_json_array(arguments).map_err(|error| invalid(&error))?,
        })
    }

    pub async fn send(self, clients: ClientProxy) -> Result<(), Problem> {
        sent(clients.send(&self.target, self.arguments).await)
    }

    pub async fn send_to_one(self, client: SingleClientProxy) -> Result<(), Problem> {
        sent(client.send(&self.target, self.arguments).await)
    }
}

fn sent(outcome: Result<(), SendError>) -> Result<(), Problem> {
    outcome.map_err(|error| match error {
        SendError::Encode(error) => Problem::invalid(error.to_string()),
        error => Problem::new(Code::StoreUnavailable, error.to_string()),
    })
}

//! What clients of `/llmhub` send, read by hand so that whatever is wrong is `invalid_request`.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::chat::{ConversationId, MessageId, RunId, UserId};
use crate::problem::{Code, Problem};
use crate::signalr::hub::HubCallerContext;

#[derive(Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(rename = "RunRequest", optional_fields))]
#[serde(rename_all = "camelCase")]
pub struct OfRun {
    pub run_id: RunId,
    #[serde(default)]
    #[cfg_attr(test, ts(as = "Option<u64>"))]
    pub after_seq: u64,
}

#[derive(Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(rename = "ConversationRequest"))]
#[serde(rename_all = "camelCase")]
pub struct OfConversation {
    pub conversation_id: ConversationId,
}

#[derive(Deserialize)]
#[cfg_attr(
    test,
    derive(ts_rs::TS),
    ts(rename = "ActiveRunsRequest", optional_fields)
)]
#[serde(rename_all = "camelCase")]
pub struct PerhapsOfConversation {
    pub conversation_id: Option<ConversationId>,
}

#[derive(Deserialize)]
#[cfg_attr(
    test,
    derive(ts_rs::TS),
    ts(rename = "OpenConversationRequest", optional_fields)
)]
#[serde(rename_all = "camelCase")]
pub struct Open {
    pub conversation_id: ConversationId,
    pub before: Option<MessageId>,
    pub limit: Option<i64>,
}

#[derive(Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(rename = "PageRequest", optional_fields))]
pub struct PageOf {
    pub cursor: Option<String>,
    pub limit: Option<i64>,
}

#[derive(Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(rename = "RenameConversationRequest"))]
#[serde(rename_all = "camelCase")]
pub struct Rename {
    pub conversation_id: ConversationId,
    pub title: String,
}

#[derive(Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(rename = "UsageRequest", optional_fields))]
pub struct Span {
    pub from: Option<String>,
    pub to: Option<String>,
}

/// What a client sent, as what the method takes; anything else is `invalid_request`.
pub fn read<T: DeserializeOwned>(request: Value) -> Result<T, Problem> {
    let request = match request {
        Value::Null => Value::Object(serde_json::Map::new()),
        Value::Object(_) => request,
        _ => return Err(Problem::invalid("the argument must be an object")),
    };
    T::deserialize(request).map_err(|error| Problem::invalid(error.to_string()))
}

pub fn user(context: &HubCallerContext) -> Result<UserId, Problem> {
    let id = context.user_id();
    id.map(UserId::from)
        .ok_or_else(|| Problem::new(Code::Unauthorized, "chat needs a user"))
}

/// Who may not read bots and backtests does not learn of them through chat either.
pub fn may_read(context: &HubCallerContext) -> bool {
    context.user().is_some_and(|user| user.has_role("viewer"))
}

/// What this hub reads, for the generator of TypeScript.
#[cfg(test)]
pub fn declare(declarations: &mut crate::hubs::typescript::Declarations) {
    declarations.add::<OfRun>();
    declarations.add::<OfConversation>();
    declarations.add::<PerhapsOfConversation>();
    declarations.add::<Open>();
    declarations.add::<PageOf>();
    declarations.add::<Rename>();
    declarations.add::<Span>();
}

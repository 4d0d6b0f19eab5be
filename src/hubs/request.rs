//! The one object that most hub methods take. Its members are read by hand, so that whatever is
//! wrong with it is `invalid_request` with a sentence, and not a binding error.

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::problem::Problem;
use crate::signalr::hub::{HubCallerContext, HubError, HubResult};
use crate::trading::ids::{self, Id};
use crate::trading::paging::PageRequest;
use crate::trading::subscribing::{Since, Viewer};

/// What a client sent; `null` counts as an empty object.
#[derive(Clone, Debug, Deserialize)]
#[serde(transparent)]
pub struct Request(Value);

impl Request {
    /// A member, or `null`.
    pub fn member(&self, name: &str) -> &Value {
        &self.0[name]
    }

    pub fn id(&self, name: &str) -> Result<Id, Problem> {
        let text = self.member(name).as_str();
        ids::check(text.ok_or_else(|| bad(name, "must be a string"))?, name)
    }

    pub fn optional_id(&self, name: &str) -> Result<Option<Id>, Problem> {
        if self.member(name).is_null() {
            return Ok(None);
        }
        self.id(name).map(Some)
    }

    pub fn ids(&self, name: &str) -> Result<Vec<Id>, Problem> {
        self.optional_ids(name)?
            .ok_or_else(|| bad(name, "is missing"))
    }

    pub fn optional_ids(&self, name: &str) -> Result<Option<Vec<Id>>, Problem> {
        let member = self.member(name);
        if member.is_null() {
            self.check_object()?;
            return Ok(None);
        }
        let list = member
            .as_array()
            .ok_or_else(|| bad(name, "must be an array"))?;
        let check = |id: &Value| {
            let id = id.as_str();
            ids::check(
                id.ok_or_else(|| bad(name, "must be an array of strings"))?,
                name,
            )
        };
        list.iter().map(check).collect::<Result<_, _>>().map(Some)
    }

    pub fn optional_text(&self, name: &str) -> Result<Option<String>, Problem> {
        match self.member(name) {
            Value::Null => Ok(None),
            Value::String(text) => Ok(Some(text.clone())),
            _ => Err(bad(name, "must be a string")),
        }
    }

    pub fn optional_number(&self, name: &str) -> Result<Option<u64>, Problem> {
        match self.member(name) {
            Value::Null => Ok(None),
            number => number
                .as_u64()
                .map(Some)
                .ok_or_else(|| bad(name, "must be a whole number")),
        }
    }

    pub fn page(&self) -> Result<PageRequest, Problem> {
        Ok(PageRequest {
            cursor: self.optional_text("cursor")?,
            limit: self.optional_number("limit")?,
        })
    }

    pub fn since(&self) -> Result<Since, Problem> {
        match self.member("since") {
            Value::Null => Ok(Since::new()),
            since => {
                Since::deserialize(since).map_err(|_| bad("since", "must be {id: {epoch, seq}}"))
            }
        }
    }

    pub fn into_events(mut self) -> Result<Vec<Value>, Problem> {
        match self.0.get_mut("events").map(Value::take) {
            Some(Value::Array(events)) => Ok(events),
            _ => Err(bad("events", "must be an array")),
        }
    }

    pub fn into_members(self) -> Map<String, Value> {
        match self.0 {
            Value::Object(members) => members,
            _ => Map::new(),
        }
    }

    fn check_object(&self) -> Result<(), Problem> {
        if self.0.is_object() || self.0.is_null() {
            return Ok(());
        }
        Err(Problem::invalid("the argument must be an object"))
    }
}

fn bad(name: &str, what: &str) -> Problem {
    Problem::invalid(format!("`{name}` {what}"))
}

/// The caller as a subscriber.
pub fn viewer(context: &HubCallerContext) -> Viewer {
    Viewer {
        connection: context.connection_id().into(),
        protocol: context.protocol(),
    }
}

/// Runs work to its end even if the caller's connection ends first.
pub async fn in_a_task<T: 'static>(
    work: impl Future<Output = Result<T, Problem>> + 'static,
) -> HubResult<T> {
    match tokio::task::spawn_local(work).await {
        Ok(result) => Ok(result?),
        Err(error) => Err(HubError::internal(
            "InvalidOperationException",
            error.to_string(),
        )),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_missing_or_of_a_wrong_type_is_named() {
        let request =
            Request(json!({"botId": 7, "botIds": ["a", 1], "since": {"a": 1}, "limit": -1}));
        let message = |problem: Problem| problem.message;
        assert!(
            request
                .id("botId")
                .is_err_and(|it| message(it).contains("`botId`"))
        );
        assert!(request.optional_ids("botIds").is_err());
        assert!(request.since().is_err());
        assert!(request.page().is_err());
        assert!(Request(json!([1])).optional_ids("botIds").is_err());
        assert_eq!(Request(Value::Null).optional_ids("botIds"), Ok(None));
    }
}

//! Plain HTTP requests, awaited at once or later.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Checked, DEFAULT_TIMEOUT, Mismatch, Runner};
use crate::conformance::scenario::{Finish, Http};
use crate::conformance::{compare, hex};
use crate::support::Task;
use crate::support::http::{self, Request};

impl Runner<'_> {
    pub(super) fn headers(
        &mut self,
        headers: &BTreeMap<String, String>,
    ) -> Checked<Vec<(String, String)>> {
        let fill =
            |(name, value): (&String, &String)| Ok((name.clone(), self.names.fill(value, 0)?));
        headers.iter().map(fill).collect()
    }

    pub(super) async fn http(&mut self, step: Http) -> Checked {
        let body = match (&step.body_hex, &step.body) {
            (Some(template), _) => Some(hex::fill(&mut self.names, template, 0)?),
            (None, Some(template)) => {
                let parts = (0..step.times.unwrap_or(1)).map(|n| self.names.fill(template, n));
                Some(parts.collect::<Checked<String>>()?.into_bytes())
            }
            (None, None) => None,
        };
        let path = self.names.fill(&step.path, 0)?;
        let headers = self.headers(&step.headers)?;
        let request = Request {
            method: step.method,
            path,
            headers,
            body,
        };
        let address = self.address;
        let limit = Duration::from_millis(step.timeout.unwrap_or(DEFAULT_TIMEOUT));
        let task = Task::spawn(async move {
            match tokio::time::timeout(limit, http::send(address, &request)).await {
                Ok(answer) => answer,
                Err(_) => Err(std::io::Error::other(format!("no answer within {limit:?}"))),
            }
        });
        if let Some(name) = step.start {
            // The request is on its way before the next step begins.
            tokio::task::yield_now().await;
            self.pending.insert(name, task);
            return Ok(());
        }
        let answer = task.result().await?;
        compare::response(&mut self.names, &step.expect, &answer)?;
        self.check_time(&step.timing)
    }

    pub(super) async fn finish(&mut self, step: Finish) -> Checked {
        let missing = || Mismatch(format!("no request named {}", step.of));
        let task = self.pending.remove(&step.of).ok_or_else(missing)?;
        let answer = task.result().await?;
        compare::response(&mut self.names, &step.expect, &answer)?;
        self.check_time(&step.timing)
    }
}

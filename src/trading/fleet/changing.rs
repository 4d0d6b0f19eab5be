//! Reports and removals, carried to the instance that writes the log.

use std::sync::Arc;

use serde_json::Value;

use super::carrying::Missing;
use super::requests::Request;
use crate::problem::Problem;
use crate::trading::accepting::not_registered;
use crate::trading::ids::Id;
use crate::trading::live::Live;
use crate::trading::report::{Receipt, Report};
use crate::trading::subject::Subject;
use crate::trading::workers::Reporter;

impl<S: Subject> Live<S> {
    /// Takes a worker's report in, all of it or nothing; the store has it before it is answered,
    /// as long as the store answers. Waits while viewers' events pile up.
    pub async fn report(
        self: &Arc<Self>,
        reporter: &Reporter,
        id: &Id,
        events: Vec<Value>,
        key: Option<String>,
        missing: Missing,
    ) -> Result<Receipt, Problem> {
        let report = Report::read(&events, key.clone())?;
        if let Reporter::Connection(connection) = reporter
            && self.workers.is_ended(connection, id)
        {
            return Err(not_registered());
        }
        if !self.is_known(id) {
            self.check_first(id, &report)?;
        }
        let request = || Request::Report {
            id: id.to_string(),
            connection: match reporter {
                Reporter::Connection(connection) => Some(connection.to_string()),
                Reporter::Http => None,
            },
            events,
            key,
        };
        let here = async || self.take_report(reporter, id, report).await;
        self.at_home(id, missing, request, here).await
    }

    /// As [`Live::report`], of a log that is written here.
    pub(super) async fn take_report(
        self: &Arc<Self>,
        reporter: &Reporter,
        id: &Id,
        report: Report<S>,
    ) -> Result<Receipt, Problem> {
        self.delivering.room().await;
        if let Some((key, _)) = &report.key {
            self.recall(id, key).await?;
        }
        let (log, receipt) = self.report_here(reporter, id, report)?;
        self.kept(id, &log).await?;
        Ok(receipt)
    }

    /// Ends one for good. Its worker has to register again before it can report.
    pub async fn remove(self: &Arc<Self>, id: &Id) -> Result<(), Problem> {
        let request = || Request::Remove { id: id.to_string() };
        let here = async || self.take_away(id).await;
        self.at_home(id, Missing::NotFound, request, here).await
    }

    pub(super) async fn take_away(self: &Arc<Self>, id: &Id) -> Result<(), Problem> {
        let (log, registration) = self.remove_here(id)?;
        if let Some(registration) = registration {
            self.tell_replaced(&registration, id);
        }
        self.workers.removed(id);
        self.gone(id, &log).await
    }
}

//! Finding what others write: an instance may be asked for one before it was told of it.

use std::sync::Arc;

use futures_util::{StreamExt, stream};

use super::carrying::read;
use super::requests::{Reply, Request};
use super::unavailable;
use crate::eventlog::EventLog;
use crate::problem::Problem;
use crate::trading::bots::{LogLine, Numbered};
use crate::trading::ids::Id;
use crate::trading::live::Live;
use crate::trading::paging::{Page, PageRequest};
use crate::trading::subject::Subject;

const SIDE_BY_SIDE: usize = 64;

impl<S: Subject> Live<S> {
    /// One that is known here, or to another instance.
    pub async fn look_up(self: &Arc<Self>, id: &str) -> Result<Arc<EventLog<S>>, Problem> {
        if !self.is_known(id) {
            let found = self.discover(&id.into()).await;
            found.map_err(|error| unavailable(&error))?;
        }
        self.find(id)
    }

    /// Looks for those of these that are not known here. What cannot be found now shows later.
    pub async fn look_for(self: &Arc<Self>, ids: &[Id]) {
        let unknown = ids.iter().filter(|id| !self.is_known(id));
        let looks = stream::iter(unknown).for_each_concurrent(SIDE_BY_SIDE, async |id| {
            if let Err(error) = self.discover(id).await {
                tracing::debug!(%id, %error, "a log is looked for later");
            }
        });
        looks.await;
    }

    /// A page of log lines from the writer, or if it does not answer, from what there is `here`.
    pub async fn lines(
        &self,
        id: &str,
        page: &PageRequest,
        here: impl FnOnce() -> Result<Page<Numbered<LogLine>>, Problem>,
    ) -> Result<Page<Numbered<LogLine>>, Problem> {
        page.before()?;
        if let Some(fleet) = &self.fleet
            && !fleet.owns(id)
            && let Some(owner) = fleet.copies.get(id).and_then(|copy| copy.owner())
        {
            let request = Request::Lines {
                id: id.to_owned(),
                page: page.clone(),
            };
            if let Ok(Reply::Done(answer)) = fleet.ask(&owner, &request).await {
                return read(answer);
            }
        }
        here()
    }
}

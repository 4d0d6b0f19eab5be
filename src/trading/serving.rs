//! What viewers and producers ask of one bot or backtest, whichever of the two it is.

use std::rc::Rc;
use std::sync::Arc;

use super::fleet::Special;
use super::ids::Id;
use super::link::deliver;
use super::live::Live;
use super::paging::Page;
use super::subject::{Extent, Subject};
use crate::problem::Problem;
use crate::signalr::hub::HubContext;

impl<S: Subject> Live<S> {
    /// Sends events to viewers, watches the clock, and works with the other instances, for ever.
    /// Run it in a task of its own of a `LocalSet`.
    pub async fn serve(self: Arc<Self>, context: HubContext, special: Rc<Special>) {
        let fleet = self.clone().run_fleet(special);
        let live = self.run(|delivery| deliver(&context, delivery));
        tokio::join!(live, fleet);
    }

    pub async fn get(self: &Arc<Self>, id: &str) -> Result<S::Snapshot, Problem> {
        let log = self.look_up(id).await?;
        let snapshot = self.snapshot(&log, Extent::Whole);
        self.shown(&[log]).await;
        Ok(snapshot)
    }

    /// A page that is cut from one of its lists.
    pub async fn page<T>(
        self: &Arc<Self>,
        id: &str,
        cut: impl FnOnce(&S) -> Result<Page<T>, Problem>,
    ) -> Result<Page<T>, Problem> {
        let log = self.look_up(id).await?;
        let page = log.read(|subject, _| cut(subject))?;
        self.shown(&[log]).await;
        Ok(page)
    }

    /// Prepares a viewer that may watch already for another subscription: nothing of the former one
    /// is under way afterwards, so nothing of it can come after the new answer. And it looks for
    /// what is wanted by id. `topics`: as for [`unsubscribe`](Self::unsubscribe).
    pub async fn settle(
        self: &Arc<Self>,
        connection: &Id,
        ids: Option<&[Id]>,
        topics: Option<&[Id]>,
    ) -> Result<(), Problem> {
        match ids {
            Some(ids) => self.look_for(ids).await,
            None => self.knows_all().await?,
        }
        if self.delivering.audience.is_viewer(connection) {
            self.unsubscribe(connection, topics);
            self.delivering.barrier().await;
        }
        Ok(())
    }

    /// Ends a viewer's subscriptions to these topics, or all that it has.
    pub fn unsubscribe(&self, connection: &Id, topics: Option<&[Id]>) {
        let audience = &self.delivering.audience;
        match topics {
            Some(topics) => audience.release(connection, topics),
            None => audience.release_everything(connection),
        }
    }
}

//! A run's log as viewers read it.

use std::sync::Arc;

use futures_util::Stream;

use super::{Progress, Run};
use crate::eventlog::{Event, Follower, Position, Step};

impl Run {
    /// Follows the log from before its first event on.
    pub fn follow_all(&self) -> Follower<Progress> {
        self.log.follow(self.beginning.clone())
    }

    /// The position after the event `seq`, as far as the log still holds it.
    pub fn position_at(&self, seq: u64) -> Option<Position> {
        let epoch = self.log.position().epoch;
        self.log.position_at(&epoch, seq).ok()
    }

    /// Everything said up to now as one event, and the position it is complete up to. The end of a
    /// run is not part of it.
    pub async fn snapshot(&self) -> (Event, Position) {
        let (event, position) = self.log.read(|progress, mut position| {
            if let Some(said) = progress.said {
                position.seq = said;
            }
            let (text, reasoning) = (&progress.text, &progress.reasoning);
            let event = self.ids.snapshot(text, reasoning, position.seq);
            (event, position)
        });
        self.log.shown(&position).await;
        (event, position)
    }

    /// Everything after `after_seq`, then what comes, until the end of the run. What the log no
    /// longer holds, or never held, is replaced by a snapshot.
    pub fn follow(self: &Arc<Self>, after_seq: u64) -> impl Stream<Item = Event> + Send + use<> {
        let run = Arc::clone(self);
        async_stream::stream! {
            let position = run.position_at(after_seq);
            let behind = position.is_none();
            let mut follower = run.log.follow(position.unwrap_or_else(|| run.log.position()));
            if behind {
                let (snapshot, position) = run.snapshot().await;
                follower.jump(position);
                yield snapshot;
            }
            loop {
                match follower.next().await {
                    Step::Event(event) => yield event,
                    Step::Behind => {
                        let (snapshot, position) = run.snapshot().await;
                        follower.jump(position);
                        yield snapshot;
                    }
                    Step::Closed => return,
                }
            }
        }
    }

    /// Waits until the last event is written and shown.
    pub async fn ended(&self) {
        let mut follower = self.log.follow(self.log.position());
        loop {
            match follower.next().await {
                Step::Event(_) => {}
                Step::Behind => follower.jump(self.log.position()),
                Step::Closed => return,
            }
        }
    }
}

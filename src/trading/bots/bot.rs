//! A live bot: its view, its worker, and what waits to be said about it.

use bytes::Bytes;
use smallvec::{SmallVec, smallvec};

use super::check;
use super::copying::{self, Patience};
use super::event::{BotEvent, BotStatus, State};
use super::latest::{self, Latest};
use super::taking;
use super::view::{BotSnapshot, BotView};
use crate::eventlog::{self, Share};
use crate::trading::clock::Moment;
use crate::trading::deadlines::{Alarm, Deadline, Purpose};
use crate::trading::history::History;
use crate::trading::ids::Id;
use crate::trading::pace::LineBudget;
use crate::trading::subject::{About, At, Extent, Reported, Scribe, Subject};
use crate::trading::workers::{Registration, Reporter};

/// What a worker promises if it does not say.
pub const DEFAULT_HEARTBEAT: u64 = 5_000;
/// How long a producer that speaks HTTP may be silent.
const HTTP_SILENCE: u64 = 30_000;

#[derive(Debug)]
pub struct Bot {
    id: Id,
    pub view: BotView,
    share: Option<Share>,
    registration: Option<Registration>,
    is_commanded: bool,
    pub(super) last_seen: Moment,
    /// How long after `last_seen` it is stale.
    pub(super) patience: u64,
    pub(super) latest: Latest,
    pub(super) lines: LineBudget,
    flush: Alarm,
    silence: Alarm,
}

impl Subject for Bot {
    const ID_MEMBER: &'static str = "botId";
    const KIND: &'static str = "bots";
    const SNAPSHOT_EVENT: &'static str = "BotSnapshot";
    const REMOVED_EVENT: &'static str = "BotRemoved";
    const EVENTS: &'static [&'static str] = copying::EVENTS;
    type Event = BotEvent;
    type Snapshot = BotSnapshot;
    type Shared = ();

    fn new(id: Id, _: &About, now: Moment) -> Self {
        Self {
            id,
            view: BotView::default(),
            share: None,
            registration: None,
            is_commanded: false,
            last_seen: now,
            patience: 2 * DEFAULT_HEARTBEAT,
            latest: Latest::default(),
            lines: LineBudget::new(now),
            flush: Alarm::default(),
            silence: Alarm::default(),
        }
    }

    fn restore(&mut self, state: &[u8]) -> serde_json::Result<()> {
        self.view = serde_json::from_slice(state)?;
        Ok(())
    }

    fn apply(&mut self, event: &eventlog::Event, now: Moment) {
        copying::apply(self, event, now);
    }

    fn id(&self) -> &Id {
        &self.id
    }

    fn topics(&self) -> SmallVec<[Id; 2]> {
        smallvec![self.id.clone()]
    }

    fn registration(&mut self) -> &mut Option<Registration> {
        &mut self.registration
    }

    fn is_commanded(&mut self) -> &mut bool {
        &mut self.is_commanded
    }

    fn history(&mut self) -> (&mut Option<Share>, SmallVec<[&mut dyn History; 3]>) {
        let BotView {
            trades,
            orders,
            logs,
            ..
        } = &mut self.view;
        (
            &mut self.share,
            smallvec![trades as _, orders as _, logs as _],
        )
    }

    fn snapshot_at(&self, at: At, extent: Extent) -> BotSnapshot {
        let age = at.now.tick.saturating_sub(self.last_seen.tick);
        let seen = (self.last_seen.wall, age);
        self.view.snapshot(&self.id, at, seen, extent)
    }

    fn check_event(event: &BotEvent) -> Result<(), String> {
        check::check(event)
    }

    fn accept(
        scribe: &mut Scribe<'_, '_, Self>,
        reporter: &Reporter,
        events: Vec<Reported<BotEvent>>,
    ) -> Vec<u64> {
        sign_of_life(scribe, Some(reporter));
        let mut seqs = Vec::with_capacity(events.len());
        for Reported { ts, event } in events {
            seqs.push(taking::take(scribe, ts, event));
        }
        seqs
    }

    /// The clock starts again: nobody could hear a sign of life meanwhile.
    fn on_taken_over(scribe: &mut Scribe<'_, '_, Self>) {
        scribe.state().last_seen = scribe.now;
    }

    fn on_worker_found(scribe: &mut Scribe<'_, '_, Self>) {
        set_patience(scribe, None);
    }

    fn on_registered(scribe: &mut Scribe<'_, '_, Self>) {
        sign_of_life(scribe, None);
    }

    /// Not stale yet: another worker may come in time.
    fn on_worker_gone(_: &mut Scribe<'_, '_, Self>) {}

    fn on_deadline(scribe: &mut Scribe<'_, '_, Self>, deadline: &Deadline) {
        let now = scribe.now;
        let bot = scribe.state();
        match deadline.purpose {
            // What is due leaves when the change is settled.
            Purpose::Flush => {
                bot.flush.rings(deadline);
            }
            Purpose::Silence => {
                let rings = bot.silence.rings(deadline);
                if rings && now.tick >= bot.stale_from() && bot.view.state != State::Stale {
                    become_stale(scribe);
                }
            }
        }
    }

    fn settle(scribe: &mut Scribe<'_, '_, Self>) {
        latest::let_out(scribe);
        let (id, deadlines) = (scribe.id().clone(), scribe.deadlines);
        let bot = scribe.state();
        if let Some(at) = bot.latest.next_due() {
            bot.flush.set(deadlines, Purpose::Flush, &id, at);
        }
        if bot.view.state != State::Stale {
            let at = bot.stale_from();
            bot.silence.set(deadlines, Purpose::Silence, &id, at);
        }
    }
}

impl eventlog::Snapshot for Bot {
    fn snapshot(&self) -> Bytes {
        // Plain structs with finite numbers and string keys encode.
        serde_json::to_vec(&self.view).unwrap_or_default().into()
    }
}

impl Bot {
    fn stale_from(&self) -> u64 {
        self.last_seen.tick + self.patience
    }
}

/// Notes that the worker lives. `reporter` is none for a registration.
fn sign_of_life(scribe: &mut Scribe<'_, '_, Bot>, reporter: Option<&Reporter>) {
    let now = scribe.now;
    scribe.state().last_seen = now;
    set_patience(scribe, reporter);
    let bot = scribe.state();
    if bot.view.state == State::Stale {
        let state = bot.view.last_state.unwrap_or(State::Created);
        write_status(scribe, state, "the worker is back", None);
    }
}

fn set_patience(scribe: &mut Scribe<'_, '_, Bot>, reporter: Option<&Reporter>) {
    let bot = scribe.state();
    let patience = match (&bot.registration, reporter) {
        (Some(registration), _) => 2 * registration.heartbeat,
        (None, Some(Reporter::Http)) => HTTP_SILENCE,
        (None, _) => 2 * DEFAULT_HEARTBEAT,
    };
    if std::mem::replace(&mut bot.patience, patience) != patience {
        // Whoever takes the bot over goes on with it.
        scribe.remember(Patience::KEY, Patience::NAME, &Patience { patience });
    }
}

fn become_stale(scribe: &mut Scribe<'_, '_, Bot>) {
    let last_state = scribe.state().view.state;
    write_status(
        scribe,
        State::Stale,
        "no sign of life from the worker",
        Some(last_state),
    );
}

fn write_status(
    scribe: &mut Scribe<'_, '_, Bot>,
    state: State,
    reason: &str,
    last_state: Option<State>,
) {
    let status = BotStatus {
        state,
        reason: Some(reason.to_owned()),
        last_state,
        name: None,
    };
    scribe.state().view.apply_status(&status);
    scribe.durable("BotStatus", scribe.now.wall, &status);
}

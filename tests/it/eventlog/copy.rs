//! A copy of a log on another instance, which checks what it is told: no gap, no double, no older
//! value after a newer.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use managing_api::eventlog::{Epoch, Event, Kind, Replica, Stored};
use tokio::sync::watch;

use super::LIMIT;
use crate::support::within;

#[derive(Default)]
pub struct Copy {
    known: Mutex<Known>,
    news: watch::Sender<()>,
}

#[derive(Clone, Debug, Default)]
pub struct Known {
    pub epoch: Option<Epoch>,
    pub seq: u64,
    pub values: HashMap<String, u64>,
    pub lines: Vec<String>,
    pub replaced: usize,
    pub ended: bool,
}

impl Copy {
    pub fn known(&self) -> Known {
        self.change(|known| known.clone())
    }

    pub async fn wait_for(&self, what: &str, is_it: impl Fn(&Known) -> bool) -> Known {
        let mut news = self.news.subscribe();
        let reached = within(LIMIT, what, news.wait_for(|()| is_it(&self.known()))).await;
        assert!(reached.is_ok(), "{what}: {:?}", self.known());
        self.known()
    }

    fn change<R>(&self, change: impl FnOnce(&mut Known) -> R) -> R {
        change(&mut self.known.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Known {
    fn take(&mut self, event: &Event) {
        let text = std::str::from_utf8(&event.body).expect("text");
        match event.kind {
            Kind::Durable => {
                assert_eq!(event.seq, self.seq + 1, "a gap or a double");
                assert_eq!(text, event.seq.to_string(), "another event's body");
                self.seq = event.seq;
            }
            Kind::Conflated => {
                let key = event.key.as_deref().expect("a key").to_owned();
                let value: u64 = text.parse().expect("a number");
                let before = self.values.insert(key, value);
                assert!(
                    before.is_none_or(|it| it < value),
                    "{before:?}, then {value}"
                );
            }
            Kind::Lossy => self.lines.push(text.to_owned()),
        }
    }
}

impl Replica for Copy {
    fn replace(&self, stored: &Stored) {
        self.change(|known| {
            assert!(stored.seq >= known.seq || known.epoch.as_ref() != Some(&stored.epoch));
            known.epoch = Some(stored.epoch.clone());
            known.seq = stored.snapshot.as_ref().map_or(0, |(seq, state)| {
                assert_eq!(*state, seq.to_string(), "a snapshot of another moment");
                *seq
            });
            known.values.clear();
            known.replaced += 1;
            stored.events.iter().for_each(|event| known.take(event));
        });
        self.news.send_replace(());
    }

    fn extend(&self, events: &[Event]) {
        self.change(|known| events.iter().for_each(|event| known.take(event)));
        self.news.send_replace(());
    }

    fn end(&self) {
        self.change(|known| known.ended = true);
        self.news.send_replace(());
    }
}

//! Any interleaving of writing, trimming, restarting and reading against a log that forgets nothing.

use proptest::prelude::*;

use super::{Bounds, Epoch, Event, EventLog, Kind, Step};

#[derive(Clone, Debug)]
enum Action {
    Append(usize),
    Conflate(u8),
    Lose,
    Restart,
    Read { follower: usize, steps: usize },
    Remember,
    Return(usize),
}

fn actions() -> impl Strategy<Value = Vec<Action>> {
    let action = prop_oneof![
        6 => (0..40_usize).prop_map(Action::Append),
        3 => (0..6_u8).prop_map(Action::Conflate),
        2 => Just(Action::Lose),
        1 => Just(Action::Restart),
        6 => (0..3_usize, 1..9_usize).prop_map(|(follower, steps)| Action::Read { follower, steps }),
        2 => Just(Action::Remember),
        2 => (0..8_usize).prop_map(Action::Return),
    ];
    prop::collection::vec(action, 0..120)
}

const BOUNDS: Bounds = Bounds {
    events: 12,
    bytes: 200,
    conflated: 4,
    lossy: 3,
    lossy_until_stored: false,
};

/// What one reader must have seen: a counter in the state, and each durable event once.
struct Viewer {
    follower: super::Follower<u64>,
    epoch: Epoch,
    seq: u64,
    state: u64,
    revision: u64,
}

impl Viewer {
    fn take(&mut self, step: Step) {
        match step {
            Step::Event(event) => self.take_event(event),
            Step::Behind => {
                let log = self.follower.log().clone();
                let (state, position) = log.read(|state, position| (*state, position));
                (self.state, self.seq, self.epoch) = (state, position.seq, position.epoch.clone());
                self.revision = position.revision;
                self.follower.jump(position);
            }
            Step::Closed => {}
        }
    }

    fn take_event(&mut self, event: Event) {
        assert!(
            event.revision > self.revision,
            "an older event after a newer one"
        );
        self.revision = event.revision;
        if event.kind == Kind::Durable {
            assert_eq!(event.seq, self.seq + 1, "a gap or a double");
            self.seq = event.seq;
            self.state += 1;
        }
        assert_eq!(event.seq, self.seq);
        let expected = format!("{{\"epoch\":\"{}\",\"seq\":{}", self.epoch, event.seq);
        assert!(
            event.body.starts_with(expected.as_bytes()),
            "of another epoch"
        );
    }
}

proptest! {
    #[test]
    fn every_reader_sees_each_durable_event_once_and_never_an_older_value_after_a_newer(
        actions in actions()
    ) {
        let log = EventLog::new(Epoch::random(), 0_u64, BOUNDS);
        let mut viewers: Vec<Viewer> = (0..3).map(|_| viewer(&log)).collect();
        let mut remembered = Vec::new();
        for action in actions {
            match action {
                Action::Append(padding) => log.write(|writer| {
                    *writer.state() += 1;
                    let seq = writer.append("Durable", |stamp| body(stamp, padding));
                    assert_eq!(seq, *writer.state());
                }),
                Action::Conflate(key) => {
                    log.write(|w| w.conflate(&key.to_string(), "Latest", |stamp| body(stamp, 0)));
                }
                Action::Lose => log.write(|w| w.lose("Line", |stamp| body(stamp, 0))),
                Action::Restart => log.restart(Epoch::random(), 0),
                Action::Read { follower, steps } => {
                    for _ in 0..steps {
                        let Some(step) = viewers[follower].follower.try_next() else { break };
                        viewers[follower].take(step);
                    }
                }
                Action::Remember => remembered.push(log.position()),
                Action::Return(index) => {
                    if let Some(position) = remembered.get(index) {
                        returned_viewer_misses_nothing(&log, &position.epoch, position.seq);
                    }
                }
            }
        }
        let end = log.position();
        log.close();
        for mut viewer in viewers {
            loop {
                match viewer.follower.try_next() {
                    Some(Step::Closed) => break,
                    Some(step) => viewer.take(step),
                    None => panic!("a closed log must say so"),
                }
            }
            prop_assert_eq!((&viewer.epoch, viewer.seq), (&end.epoch, end.seq));
            prop_assert_eq!(viewer.state, log.read(|state, _| *state));
        }
    }
}

fn returned_viewer_misses_nothing(log: &EventLog<u64>, epoch: &Epoch, seq: u64) {
    let Ok(position) = log.position_at(epoch, seq) else {
        let now = log.position();
        assert!(
            *epoch != now.epoch || seq < now.seq,
            "refused though nothing was trimmed"
        );
        return;
    };
    let (events, reached) = log.after(&position).expect("the position is in the log");
    let durable = events.iter().filter(|event| event.kind == Kind::Durable);
    assert!(durable.map(|event| event.seq).eq(seq + 1..=reached.seq));
    assert!(events.is_sorted_by_key(|event| event.revision));
}

fn viewer(log: &std::sync::Arc<EventLog<u64>>) -> Viewer {
    let position = log.position();
    Viewer {
        epoch: position.epoch.clone(),
        seq: position.seq,
        state: 0,
        revision: position.revision,
        follower: log.follow(position),
    }
}

fn body(stamp: super::Stamp<'_>, padding: usize) -> String {
    format!(
        "{{\"epoch\":\"{}\",\"seq\":{}{}}}",
        stamp.epoch,
        stamp.seq,
        " ".repeat(padding)
    )
}

fn append(log: &EventLog<()>, body: &'static str) -> u64 {
    log.write(|writer| writer.append("Durable", |_| body))
}

#[test]
fn a_log_keeps_the_newest_within_its_bounds() {
    let bounds = Bounds {
        events: 3,
        bytes: 10,
        ..Bounds::default()
    };
    let log = EventLog::new(Epoch::random(), (), bounds);
    let start = log.position();
    for _ in 0..5 {
        append(&log, "1");
    }
    assert!(log.position_at(&start.epoch, 1).is_err());
    let kept = log.position_at(&start.epoch, 2).expect("three are kept");
    assert_eq!(log.after(&kept).expect("kept").0.len(), 3);

    append(&log, "more than ten bytes");
    let last = log
        .position_at(&start.epoch, 5)
        .expect("the newest is always kept");
    assert_eq!(log.after(&last).expect("kept").0[0].seq, 6);
    assert!(
        log.position_at(&start.epoch, 7).is_err(),
        "nobody has seen the future"
    );
}

#[test]
fn a_conflated_value_keeps_only_its_latest() {
    let log = EventLog::new(Epoch::random(), (), Bounds::default());
    let start = log.position();
    for value in ["1", "2", "3"] {
        log.write(|writer| writer.conflate("pnl", "PnlUpdated", |_| value));
    }
    let (events, reached) = log.after(&start).expect("nothing was trimmed");
    assert_eq!(events.len(), 1);
    assert_eq!((&events[0].body[..], events[0].seq), (&b"3"[..], 0));
    assert_eq!(log.after(&reached).expect("still there").0, []);
}

#[tokio::test]
async fn a_waiting_follower_wakes_for_what_is_written() {
    let log = EventLog::new(Epoch::random(), (), Bounds::default());
    let mut follower = log.follow(log.position());
    let reader = tokio::spawn(async move { (follower.next().await, follower.next().await) });
    tokio::task::yield_now().await;
    append(&log, "1");
    log.close();
    let (first, second) = reader.await.expect("the reader ends");
    assert!(matches!(first, Step::Event(event) if event.seq == 1));
    assert_eq!(second, Step::Closed);
}

#[tokio::test]
async fn followers_on_other_threads_see_no_gap_while_writers_write() {
    let log = EventLog::new(Epoch::random(), 0_u64, Bounds::default());
    let writers: Vec<_> = (0..3)
        .map(|_| {
            let log = log.clone();
            std::thread::spawn(move || {
                for _ in 0..500 {
                    log.write(|writer| {
                        *writer.state() += 1;
                        writer.append("Durable", |stamp| body(stamp, 0));
                    });
                }
            })
        })
        .collect();
    let mut viewer = viewer(&log);
    (viewer.state, viewer.seq) = (viewer.seq, viewer.seq);
    while viewer.seq < 1_500 {
        let step = viewer.follower.next().await;
        viewer.take(step);
    }
    writers
        .into_iter()
        .for_each(|writer| writer.join().expect("the writer ends"));
    assert_eq!(viewer.state, 1_500);
}

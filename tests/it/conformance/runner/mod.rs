//! Carries out one scenario, step by step, and stops at the first mismatch: requests, connections,
//! what is sent, what must come, how it must end.

mod connect;
mod ends;
mod receive;
mod requests;
mod send;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::connection::{Connection, HubMessage};
use super::names::Names;
use super::scenario::*;
use crate::support::Task;
use crate::support::http::Response;

const DEFAULT_TIMEOUT: u64 = 8000;

/// What differs from the recording.
#[derive(Debug)]
pub struct Mismatch(pub String);

impl From<std::io::Error> for Mismatch {
    fn from(error: std::io::Error) -> Self {
        Self(format!("the connection failed: {error}"))
    }
}

impl From<String> for Mismatch {
    fn from(text: String) -> Self {
        Self(text)
    }
}

type Checked<T = ()> = Result<T, Mismatch>;

/// A scenario that differs: at which step, and how.
pub struct Failure {
    pub step: Option<String>,
    pub mismatch: Mismatch,
}

pub async fn run(address: SocketAddr, scenario: &Scenario) -> Result<(), Failure> {
    let mut runner = Runner {
        address,
        ignore: &scenario.ignore,
        names: Names::default(),
        connections: HashMap::new(),
        pending: HashMap::new(),
        marks: HashMap::new(),
        step_start: Instant::now(),
    };
    let mut outcome = Ok(());
    for (source, step) in scenario.steps() {
        runner.step_start = Instant::now();
        if let Err(mismatch) = runner.step(step).await {
            outcome = Err(Failure {
                step: Some(source.to_owned()),
                mismatch,
            });
            break;
        }
    }
    if outcome.is_ok() {
        outcome = runner.nothing_is_left().map_err(|mismatch| Failure {
            step: None,
            mismatch,
        });
    }
    for connection in runner.connections.into_values() {
        connection.clean_up().await;
    }
    outcome
}

struct Runner<'a> {
    address: SocketAddr,
    ignore: &'a [MessageKind],
    names: Names,
    connections: HashMap<String, Connection>,
    pending: HashMap<String, Task<std::io::Result<Response>>>,
    marks: HashMap<String, Instant>,
    step_start: Instant,
}

impl Runner<'_> {
    async fn step(&mut self, step: Step) -> Checked {
        match step {
            Step::Open(step) => self.open(step).await,
            Step::Http(step) => self.http(step).await,
            Step::Finish(step) => self.finish(step).await,
            Step::Abandon(step) => {
                self.pending.remove(&step.of);
                Ok(())
            }
            Step::Ws(step) => self.ws(step).await,
            Step::Sse(step) => self.sse(step).await,
            Step::Lp(step) => self.lp(step).await,
            Step::Send(step) => self.send(step).await,
            Step::Receive(step) => self.receive(step).await,
            Step::Raw(step) => self.raw(step).await,
            Step::Closed(step) => self.closed(step).await,
            Step::Nothing(step) => self.nothing(step).await,
            Step::Close(step) => {
                self.connection(&step.of)?
                    .close(step.code, &step.reason)
                    .await
            }
            Step::Drop(step) => {
                self.connection(&step.of)?.cut_off();
                Ok(())
            }
            Step::Pause(step) => self.connection(&step.of)?.pause(),
            Step::PingFrame(step) => {
                self.connection(&step.of)?
                    .ping(Duration::from_secs(2))
                    .await
            }
            Step::Differ(step) => self.differ(&step.names),
            Step::Mark(step) => {
                self.marks.insert(step.name, Instant::now());
                Ok(())
            }
            Step::Wait(step) => {
                tokio::time::sleep(Duration::from_millis(step.ms)).await;
                Ok(())
            }
        }
    }

    fn connection(&mut self, name: &str) -> Checked<&mut Connection> {
        let missing = || Mismatch(format!("no connection named {name}"));
        self.connections.get_mut(name).ok_or_else(missing)
    }

    /// At the end of a scenario every message must have been taken.
    fn nothing_is_left(&mut self) -> Checked {
        for (name, connection) in &mut self.connections {
            let mut left = connection.leftover();
            left.retain(|message| !is_kind(message, self.ignore));
            if !left.is_empty() {
                let texts: Vec<_> = left.iter().map(HubMessage::to_string).collect();
                return Err(Mismatch(format!(
                    "messages nobody expected on {name}: {}",
                    texts.join(" ")
                )));
            }
        }
        Ok(())
    }

    fn check_time(&self, timing: &Timing) -> Checked {
        let Some([least, most]) = timing.between else {
            return Ok(());
        };
        let start = match &timing.since {
            Some(mark) => *self
                .marks
                .get(mark)
                .ok_or_else(|| Mismatch(format!("no mark named {mark}")))?,
            None => self.step_start,
        };
        let took = start.elapsed().as_millis() as u64;
        if (least..=most).contains(&took) {
            return Ok(());
        }
        Err(Mismatch(format!(
            "came after {took} ms, expected {least} to {most} ms"
        )))
    }

    fn differ(&self, names: &[String]) -> Checked {
        let values: Vec<_> = names.iter().map(|name| self.names.get(name)).collect();
        let distinct: std::collections::HashSet<_> = values.iter().flatten().collect();
        if distinct.len() == names.len() {
            return Ok(());
        }
        Err(Mismatch(format!(
            "not all different: {names:?} = {values:?}"
        )))
    }
}

fn is_kind(message: &HubMessage, kinds: &[MessageKind]) -> bool {
    if kinds.is_empty() || message.broken.is_some() {
        return false;
    }
    let kind = message.message_type();
    kinds
        .iter()
        .any(|ignored| Some(ignored.message_type()) == kind)
}

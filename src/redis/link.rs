//! Keeps one connection: connects, notices that it is dead, connects again, for ever.
//!
//! A connection that only does not answer is kept until another one does: a Redis that was frozen,
//! or a network that was dead for a while, goes on with it as if nothing had been.
//!
//! A link knows nothing of what travels over it. Whoever uses it takes the current
//! [`Connection`] and drops it when it is gone; nothing that was handed to a dead connection is
//! ever repeated on the next.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use fred::interfaces::ClientLike as _;
use futures_util::{StreamExt as _, stream::FuturesUnordered};
use rand::RngExt as _;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::{
    Options,
    attempt::{self, Failure, Running, Target},
    client::Purpose,
    cluster,
    connection::{Connection, Health},
    reason::reason,
};

/// The pause after a failed attempt begins with the first and does not exceed the second, so that
/// an instance is back within two seconds of Redis answering.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_millis(800);
/// A connection that lived shorter than this does not make the next pause short again.
const STABLE: Duration = Duration::from_secs(5);
/// While an attempt gets no answer, another one begins so often.
const NEXT_ATTEMPT: Duration = Duration::from_secs(1);
const MOST_ATTEMPTS: usize = 5;
/// For `QUIT`.
const FAREWELL: Duration = Duration::from_secs(1);
/// How long a silent connection may still answer when another one has.
const PRECEDENCE: Duration = Duration::from_millis(500);
const SILENT: &str = "does not answer";

type Opened = (Connection, Running);

/// What a link tells.
#[derive(Clone)]
pub(super) enum Event {
    Connected(Connection),
    /// The connection does not answer, and is kept for the time being.
    Silent(Arc<str>),
    /// The silent connection answers after all, and nothing was lost on it.
    Answers(Connection),
    /// An attempt failed or the connection ended, for this reason.
    Disconnected(Arc<str>),
}

/// One connection that is kept.
pub(super) struct Link {
    options: Arc<Options>,
    purpose: Purpose,
    stop: CancellationToken,
    target: Mutex<Target>,
}

impl Link {
    pub fn new(options: Arc<Options>, purpose: Purpose, stop: CancellationToken) -> Self {
        let protocol = options.protocol.unwrap_or(3);
        Self {
            options,
            purpose,
            stop,
            target: Mutex::new(Target {
                protocol,
                server: 0,
                cluster: false,
            }),
        }
    }

    /// Runs until `stop`. Every change goes to `tell`.
    pub async fn run(self, tell: impl Fn(Event)) {
        let mut pauses = Pauses::default();
        let mut next = None;
        while !self.stop.is_cancelled() {
            let attempt = match next.take() {
                Some(successor) => Ok(successor),
                None => tokio::select! {
                    attempt = self.connect() => attempt,
                    () = self.stop.cancelled() => return,
                },
            };
            match attempt {
                Ok((connection, running)) => {
                    let begin = tokio::time::Instant::now();
                    tell(Event::Connected(connection.clone()));
                    let (reason, successor) = self.keep(&connection, running, &tell).await;
                    tell(Event::Disconnected(reason));
                    next = successor;
                    if next.is_some() || begin.elapsed() > STABLE {
                        pauses = Pauses::default();
                        continue;
                    }
                }
                Err(reason) => tell(Event::Disconnected(reason.into())),
            }
            tokio::select! {
                () = pauses.next() => {}
                () = self.stop.cancelled() => return,
            }
        }
    }

    /// Connects, or says why not. An attempt that gets no answer is not given up at once, but joined
    /// by another every second: one that hangs must not delay the return of a Redis that is back.
    async fn connect(&self) -> Result<Opened, String> {
        let mut attempts = FuturesUnordered::new();
        loop {
            if attempts.len() < MOST_ATTEMPTS {
                attempts.push(attempt::connect(&self.options, self.purpose, self.target()));
            }
            tokio::select! {
                Some(outcome) = attempts.next() => {
                    drop(attempts);
                    let opened = outcome.map_err(|failure| self.learn(&failure));
                    let home_slot = cluster::home_slot(&self.options);
                    return opened.map(|(client, running)| (Connection::new(client, home_slot), running));
                }
                () = tokio::time::sleep(NEXT_ATTEMPT) => {}
            }
        }
    }

    fn target(&self) -> Target {
        *self.target.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What to try differently after this failure; answers its reason.
    fn learn(&self, failure: &Failure) -> String {
        let mut target = self.target.lock().unwrap_or_else(PoisonError::into_inner);
        match failure {
            Failure::OldProtocol(_) if self.options.protocol.is_none() => target.protocol = 2,
            Failure::Cluster => target.cluster = true,
            _ => target.server = target.server.wrapping_add(1),
        }
        failure.reason().to_owned()
    }

    /// Waits for the end of the connection: why it came, and perhaps what takes its place.
    async fn keep(
        &self,
        connection: &Connection,
        mut running: Running,
        tell: &impl Fn(Event),
    ) -> (Arc<str>, Option<Opened>) {
        let mut successor = None;
        let reason = loop {
            tokio::select! {
                reason = self.ended(connection, &mut running) => break reason,
                _ = connection.until(|health| *health == Health::Silent) => {}
            }
            tell(Event::Silent(SILENT.into()));
            tokio::select! {
                biased;
                reason = self.ended(connection, &mut running) => break reason,
                _ = connection.until(|health| *health == Health::Answers) => {
                    tell(Event::Answers(connection.clone()));
                }
                opened = self.successor() => {
                    successor = Some(opened);
                    break SILENT.into();
                }
            }
        };
        connection.end();
        (reason, successor)
    }

    /// Waits until the connection cannot be kept, and says why.
    async fn ended(&self, connection: &Connection, running: &mut Running) -> Arc<str> {
        let failed = connection.until(|health| matches!(health, Health::Failed(_)));
        tokio::select! {
            ended = &mut running.0 => match ended {
                Ok(Err(error)) => reason(&error).into(),
                _ => "Connection closed".into(),
            },
            health = failed => match health {
                Health::Failed(reason) => reason,
                Health::Answers | Health::Silent => SILENT.into(),
            },
            () = self.stop.cancelled() => {
                let _ = timeout(FAREWELL, connection.client.quit()).await;
                "stopped".into()
            }
        }
    }

    /// A connection to take the place of a silent one. A Redis that was only frozen answers on
    /// both, and then the old one, on which nothing is lost, is given the time to say so.
    async fn successor(&self) -> Opened {
        let mut pauses = Pauses::default();
        loop {
            if let Ok(opened) = self.connect().await {
                tokio::time::sleep(PRECEDENCE).await;
                return opened;
            }
            pauses.next().await;
        }
    }
}

/// The pauses between attempts.
struct Pauses(Duration);

impl Default for Pauses {
    fn default() -> Self {
        Self(FIRST_PAUSE)
    }
}

impl Pauses {
    /// Half of it by chance: a fleet does not come back at one instant.
    async fn next(&mut self) {
        let jitter = rand::rng().random_range(0.5..=1.0);
        tokio::time::sleep(self.0.mul_f64(jitter)).await;
        self.0 = (self.0 * 2).min(LONGEST_PAUSE);
    }
}

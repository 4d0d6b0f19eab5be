//! Keeps one connection: connects, notices that it is dead, connects again, for ever.
//!
//! A link knows nothing of what travels over it. Whoever uses it takes the current
//! [`Connection`] and drops it when it is gone; nothing that was handed to a dead connection is
//! ever repeated on the next.

use std::{sync::Arc, time::Duration};

use fred::{clients::Client, interfaces::ClientLike as _};
use futures_util::{StreamExt as _, stream::FuturesUnordered};
use rand::RngExt as _;
use tokio::{sync::watch, time::timeout};
use tokio_util::sync::CancellationToken;

use super::{
    Options,
    attempt::{self, Failure, Running, Target},
    client::Purpose,
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

/// A connection that is, or was, open.
#[derive(Clone)]
pub(super) struct Connection {
    pub client: Client,
    /// Cancelled when the connection has ended.
    gone: CancellationToken,
    /// Who finds it dead says so here.
    condemned: watch::Sender<Option<Arc<str>>>,
}

impl Connection {
    fn new(client: Client) -> Self {
        Self {
            client,
            gone: CancellationToken::new(),
            condemned: watch::Sender::new(None),
        }
    }

    pub async fn gone(&self) {
        self.gone.cancelled().await;
    }

    pub fn is_gone(&self) -> bool {
        self.gone.is_cancelled()
    }

    /// Ends the connection, because it does not answer or not as it should. The first reason counts.
    pub fn fail(&self, reason: &str) {
        self.condemned.send_if_modified(|condemned| {
            let first = condemned.is_none();
            if first {
                *condemned = Some(reason.into());
            }
            first
        });
    }

    async fn condemned(&self) -> Arc<str> {
        let mut condemned = self.condemned.subscribe();
        match condemned.wait_for(Option::is_some).await {
            Ok(reason) => reason.clone().unwrap_or_else(|| "".into()),
            Err(_) => "".into(),
        }
    }
}

/// What a link tells.
#[derive(Clone)]
pub(super) enum Event {
    Connected(Connection),
    /// An attempt failed or the connection ended, for this reason.
    Disconnected(Arc<str>),
}

/// One connection that is kept.
pub(super) struct Link {
    options: Arc<Options>,
    purpose: Purpose,
    stop: CancellationToken,
    target: Target,
}

impl Link {
    pub fn new(options: Arc<Options>, purpose: Purpose, stop: CancellationToken) -> Self {
        let protocol = options.protocol.unwrap_or(3);
        Self {
            options,
            purpose,
            stop,
            target: Target {
                protocol,
                server: 0,
                cluster: false,
            },
        }
    }

    /// Runs until `stop`. Every change goes to `tell`.
    pub async fn run(mut self, tell: impl Fn(Event)) {
        let stop = self.stop.clone();
        let mut pause = FIRST_PAUSE;
        while !stop.is_cancelled() {
            let attempt = tokio::select! {
                attempt = self.connect() => attempt,
                () = stop.cancelled() => return,
            };
            match attempt {
                Ok((connection, running)) => {
                    let begin = tokio::time::Instant::now();
                    tell(Event::Connected(connection.clone()));
                    let reason = self.keep(&connection, running).await;
                    tell(Event::Disconnected(reason));
                    if begin.elapsed() > STABLE {
                        pause = FIRST_PAUSE;
                        continue;
                    }
                }
                Err(reason) => tell(Event::Disconnected(reason.into())),
            }
            // Half of it by chance: a fleet does not come back at one instant.
            let jitter = rand::rng().random_range(0.5..=1.0);
            tokio::select! {
                () = tokio::time::sleep(pause.mul_f64(jitter)) => {}
                () = stop.cancelled() => return,
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Connects, or says why not. An attempt that gets no answer is not given up at once, but joined
    /// by another every second: one that hangs must not delay the return of a Redis that is back.
    async fn connect(&mut self) -> Result<(Connection, Running), String> {
        let mut attempts = FuturesUnordered::new();
        loop {
            if attempts.len() < MOST_ATTEMPTS {
                attempts.push(attempt::connect(&self.options, self.purpose, self.target));
            }
            tokio::select! {
                Some(outcome) = attempts.next() => {
                    drop(attempts);
                    let opened = outcome.map_err(|failure| self.learn(&failure));
                    return opened.map(|(client, running)| (Connection::new(client), running));
                }
                () = tokio::time::sleep(NEXT_ATTEMPT) => {}
            }
        }
    }

    /// What to try differently after this failure; answers its reason.
    fn learn(&mut self, failure: &Failure) -> String {
        match failure {
            Failure::OldProtocol(_) if self.options.protocol.is_none() => self.target.protocol = 2,
            Failure::Cluster => self.target.cluster = true,
            _ => self.target.server = self.target.server.wrapping_add(1),
        }
        failure.reason().to_owned()
    }

    /// Waits for the end of the connection and says why it came.
    async fn keep(&self, connection: &Connection, mut running: Running) -> Arc<str> {
        let reason = tokio::select! {
            ended = &mut running.0 => match ended {
                Ok(Err(error)) => reason(&error).into(),
                _ => "Connection closed".into(),
            },
            reason = connection.condemned() => reason,
            () = self.stop.cancelled() => {
                let _ = timeout(FAREWELL, connection.client.quit()).await;
                "stopped".into()
            }
        };
        connection.gone.cancel();
        reason
    }
}

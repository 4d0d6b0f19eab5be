//! The Redis of this process: two connections that are kept, on a thread of their own.
//!
//! fred's reader must not share a thread with whoever reads its messages slowly, so the service
//! has its own runtime. The two connections, one for commands and one for subscriptions, come and
//! go independently; [`State`] is what they come to together.

use std::{future::Future, sync::Arc, thread, time::Duration};

use bytes::Bytes;
use tokio::{
    runtime::{Builder, Handle},
    sync::watch,
    task::JoinHandle,
    time::sleep,
};
use tokio_util::sync::CancellationToken;

use super::{
    Options, PubSub, RedisError, Script, State, Value,
    client::Purpose,
    command,
    connection::Connection,
    link::{Event, Link},
    numbers::Numbers,
    status::Status,
};

/// An idle connection is asked so often whether it lives.
pub(super) const HEARTBEAT: Duration = Duration::from_secs(1);
/// A connection that has not answered a `PING` for so long is silent.
const PATIENCE: Duration = Duration::from_secs(2);

/// Cheap to clone; the clones are one service.
#[derive(Clone)]
pub struct RedisService {
    inner: Arc<Inner>,
}

struct Inner {
    options: Arc<Options>,
    runtime: Handle,
    stop: CancellationToken,
    status: Arc<Status>,
    commands: watch::Sender<Option<Connection>>,
    pub_sub: PubSub,
    numbers: Arc<Numbers>,
}

impl RedisService {
    /// Begins to connect, in the background. It never fails and never gives up.
    pub fn start(options: Options) -> Self {
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("the system gives a process its few descriptors at start");
        let handle = runtime.handle().clone();
        let stop = CancellationToken::new();
        let options = Arc::new(options);
        let status = Arc::new(Status::default());
        let numbers = Arc::new(Numbers::default());
        let commands = watch::Sender::new(None);
        let inner = Arc::new(Inner {
            pub_sub: PubSub::new(&options.prefix, commands.subscribe(), numbers.clone()),
            commands,
            options,
            runtime: handle,
            stop,
            status,
            numbers,
        });
        let running = inner.run();
        thread::Builder::new()
            .name("redis".to_owned())
            .spawn(move || runtime.block_on(running))
            .expect("the system gives a process its few threads at start");
        Self { inner }
    }

    pub fn state(&self) -> State {
        self.inner.status.state()
    }

    pub fn watch(&self) -> watch::Receiver<State> {
        self.inner.status.watch()
    }

    /// Put before every channel, by the service itself.
    pub fn prefix(&self) -> &str {
        &self.inner.options.prefix
    }

    /// Instances with the same prefix and fleet are one server.
    pub fn fleet(&self) -> &str {
        &self.inner.options.fleet
    }

    /// A key of the fleet: `<prefix>managing-api:{<fleet>}:<name>`. All of them are in one slot of
    /// a cluster.
    pub fn key(&self, name: &str) -> String {
        self.inner.options.key(name)
    }

    /// Runs a task on the service's thread.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) -> JoinHandle<()> {
        self.inner.runtime.spawn(task)
    }

    pub fn pub_sub(&self) -> &PubSub {
        &self.inner.pub_sub
    }

    pub fn numbers(&self) -> &Arc<Numbers> {
        &self.inner.numbers
    }

    /// Sends any command that does not block, once.
    ///
    /// Fails at once with [`RedisError::Unavailable`] while there is no connection, with
    /// [`RedisError::TimedOut`] after [`Options::command_timeout`]. A command whose answer was lost
    /// may have been applied and is not repeated; see [`RedisError::may_be_applied`].
    pub async fn command(
        &self,
        name: &'static str,
        arguments: Vec<Bytes>,
    ) -> Result<Value, RedisError> {
        let connection = self.inner.commands.borrow().clone();
        let connection = connection.ok_or(RedisError::Unavailable)?;
        command::send(&connection, name, arguments).await
    }

    /// Runs a script by its hash, and by its text where Redis does not know it yet.
    pub async fn script(
        &self,
        script: &'static Script,
        keys: Vec<String>,
        arguments: Vec<Bytes>,
    ) -> Result<Value, RedisError> {
        let hash = match script.hash() {
            Some(hash) => hash,
            None => self.load(script).await?,
        };
        let by_hash = Script::arguments(hash, &keys, &arguments);
        match self.command("EVALSHA", by_hash).await {
            // Redis has restarted, or this is another node of a cluster.
            Err(RedisError::Refused(text)) if text.starts_with("NOSCRIPT") => {
                let whole = Script::arguments(script.source(), &keys, &arguments);
                self.command("EVAL", whole).await
            }
            answer => answer,
        }
    }

    async fn load(&self, script: &Script) -> Result<Bytes, RedisError> {
        let arguments = vec![Bytes::from_static(b"LOAD"), script.source()];
        let answer = self.command("SCRIPT", arguments).await?;
        let hash = answer.as_bytes().cloned().ok_or(RedisError::Unexpected)?;
        script.set_hash(hash.clone());
        Ok(hash)
    }

    /// Unsubscribes from everything and says goodbye. Afterwards every call fails at once.
    pub async fn shutdown(&self) {
        self.inner.pub_sub.close().await;
        self.inner.stop.cancel();
    }
}

impl Inner {
    /// Keeps both connections until the service has stopped.
    fn run(self: &Arc<Self>) -> impl Future<Output = ()> + Send + use<> {
        self.runtime.spawn(self.pub_sub.run());
        let [commands, subscriptions] =
            [Purpose::Commands, Purpose::Subscriptions].map(|purpose| {
                let link = Link::new(self.options.clone(), purpose, self.stop.clone());
                let inner = Arc::downgrade(self);
                link.run(move |event| {
                    if let Some(inner) = inner.upgrade() {
                        inner.on_event(purpose, event);
                    }
                })
            });
        async move {
            tokio::join!(commands, subscriptions);
        }
    }

    fn on_event(self: &Arc<Self>, purpose: Purpose, event: Event) {
        match event {
            // Whoever reads `Up` can send a command, hence the order of the two steps.
            Event::Connected(connection) => {
                let serving = connection.clone();
                if purpose == Purpose::Commands {
                    self.commands.send_replace(Some(connection));
                }
                if self.status.connected(purpose) {
                    self.numbers.reconnects.add(1);
                }
                match purpose {
                    Purpose::Commands => drop(self.runtime.spawn(heartbeat(serving))),
                    Purpose::Subscriptions => {
                        let status = self.status.clone();
                        let restored = Box::new(move || status.restored());
                        let serving = self.pub_sub.serve(serving, PATIENCE, restored);
                        self.runtime.spawn(serving);
                    }
                }
            }
            Event::Answers(connection) => {
                match purpose {
                    Purpose::Commands => drop(self.commands.send_replace(Some(connection))),
                    Purpose::Subscriptions => self.pub_sub.answers(),
                }
                self.status.answers(purpose);
            }
            Event::Silent(reason) => self.on_absence(purpose, reason),
            Event::Disconnected(reason) => {
                self.numbers.failures.add(1);
                self.on_absence(purpose, reason);
            }
        }
    }

    fn on_absence(&self, purpose: Purpose, reason: Arc<str>) {
        self.status.disconnected(purpose, reason);
        match purpose {
            Purpose::Commands => drop(self.commands.send_replace(None)),
            Purpose::Subscriptions => self.pub_sub.disconnected(),
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// Asks once a second whether the connection lives.
async fn heartbeat(connection: Connection) {
    while !connection.is_gone() {
        let asking = async {
            if let Err(reason) = connection.ping(PATIENCE).await {
                connection.fail(&reason);
            }
            sleep(HEARTBEAT).await;
        };
        tokio::select! {
            () = asking => {}
            () = connection.gone() => {}
        }
    }
}

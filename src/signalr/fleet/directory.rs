//! Which instance is the home of which connection, in Redis.
//!
//! A connection costs one round trip when it comes and a share of one when it goes, nothing while it
//! idles: an instance is alive or not, and with it its entries. Keys hold digests, never tokens.

use std::{
    sync::{
        PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use tokio::{sync::Notify, time::Instant, time::timeout};

use super::{ConnectionKey, scripts};
use crate::redis::{InstanceId, RedisError, RedisService, Script, Value};

/// Redis that takes longer to answer counts as away: clients wait for these answers.
const LIMIT: Duration = Duration::from_secs(2);
/// A directory younger than this may be incomplete: Redis came back empty, and every instance
/// writes its connections again within about two seconds.
const SETTLING: Duration = Duration::from_secs(3);
/// Within this every instance is back after Redis was away: connected, subscribed, and heard of.
const BACK: Duration = Duration::from_secs(5);
/// Connections in one script; 500 take Redis less than a millisecond.
const BATCH: usize = 500;
/// Ended connections that wait to be released. Beyond it the next registration sorts it out.
const MAXIMUM_RELEASES: usize = 200_000;

/// Redis does not answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unavailable;

/// Where a connection is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Located {
    /// The asker is its home now. What was negotiated, if it was a version-0 id.
    Taken { stateful: Option<bool> },
    /// It has a home, perhaps the asker's.
    At(InstanceId),
    /// It has ended, or there never was one.
    Nowhere,
    /// It is not known, but the directory may be incomplete. Ask again.
    Unsettled,
}

/// How a request's token may claim a connection that has no home.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claiming {
    /// Not at all.
    Never,
    /// If no home can have been forgotten; the token was issued then.
    IfComplete(SystemTime),
    /// In any case.
    Always,
}

/// The connection to Redis, and since when it is so.
#[derive(Clone, Copy, Debug)]
struct Link {
    is_up: bool,
    since: (Instant, SystemTime),
    was_lost: bool,
}

/// The directory, as one instance sees it.
pub struct Directory {
    redis: RedisService,
    me: InstanceId,
    releases: std::sync::Mutex<Vec<(ConnectionKey, Duration)>>,
    released: Notify,
    /// Since when the connection to Redis is up, or down.
    link: std::sync::Mutex<Link>,
    /// What Redis holds of this instance may be wrong, until it is registered again.
    out_of_step: AtomicBool,
}

impl Directory {
    pub(super) fn new(redis: RedisService, me: InstanceId) -> Self {
        Self {
            redis,
            me,
            releases: std::sync::Mutex::default(),
            released: Notify::new(),
            link: std::sync::Mutex::new(Link::now(false, false)),
            out_of_step: AtomicBool::new(true),
        }
    }

    /// Finds a connection's home, or makes this instance its home.
    pub async fn locate(
        &self,
        key: ConnectionKey,
        claiming: Claiming,
        hub: &str,
    ) -> Result<Located, Unavailable> {
        let keys = vec![
            self.entry(key),
            self.set_of(&self.me),
            self.owners(),
            self.birth(),
        ];
        let (claiming, issued) = match claiming {
            Claiming::Always => ("1", None),
            Claiming::IfComplete(issued) if self.link().knows_all_but(issued) => {
                ("2", Some(issued))
            }
            Claiming::IfComplete(_) | Claiming::Never => ("0", None),
        };
        let arguments = vec![
            text(self.me.as_str()),
            text(&key.to_text()),
            text(claiming),
            text(hub),
            text(&milliseconds(issued.unwrap_or(UNIX_EPOCH)).to_string()),
            text(&SETTLING.as_millis().to_string()),
        ];
        let answer = self.run(&scripts::LOCATE, keys, arguments).await?;
        let fields = answer.as_list().ok_or(Unavailable)?;
        let [owner, taken, negotiated, age] = fields else {
            return Err(Unavailable);
        };
        let owner = owner.as_text().unwrap_or_default();
        Ok(match owner.split_at_checked(1) {
            Some(("i", _)) if taken.as_integer() == Some(1) => Located::Taken {
                stateful: match negotiated.as_text() {
                    Some("1") => Some(true),
                    Some("0") => Some(false),
                    _ => None,
                },
            },
            Some(("i", instance)) => Located::At(InstanceId::new(instance)),
            Some(_) => Located::Nowhere,
            None if self.is_complete(age.as_integer()) => Located::Nowhere,
            None => Located::Unsettled,
        })
    }

    /// Remembers a version-0 id until its transport comes, for `lifetime` at most.
    pub async fn reserve(
        &self,
        key: ConnectionKey,
        hub: &str,
        stateful: bool,
        lifetime: Duration,
    ) -> Result<(), Unavailable> {
        let value = format!("r{}{hub}", u8::from(stateful));
        let milliseconds = lifetime.as_millis().max(1).to_string();
        let arguments = vec![
            text(&self.entry(key)),
            text(&value),
            text("PX"),
            text(&milliseconds),
        ];
        let set = self.redis.command("SET", arguments);
        match timeout(LIMIT, set).await {
            Ok(Ok(_)) => Ok(()),
            _ => Err(Unavailable),
        }
    }

    /// A connection of this instance ended; `remembered`: for so long its token could still claim.
    /// Ends are written together, soon.
    pub fn release(&self, key: ConnectionKey, remembered: Duration) {
        let mut releases = self.releases.lock().unwrap_or_else(PoisonError::into_inner);
        if releases.len() < MAXIMUM_RELEASES {
            releases.push((key, remembered));
        } else {
            self.fall_out_of_step();
        }
        self.released.notify_one();
    }

    /// Something was not written: everything is registered again, soon.
    pub fn fall_out_of_step(&self) {
        self.out_of_step.store(true, Ordering::Relaxed);
    }

    /// Whether everything must be registered again; asking is a promise to do it.
    pub(super) fn must_register(&self) -> bool {
        self.out_of_step.swap(false, Ordering::Relaxed)
    }

    /// Gives a connection of this instance to another one. False: it is not this instance's.
    pub async fn hand_over(
        &self,
        key: ConnectionKey,
        to: &InstanceId,
    ) -> Result<bool, Unavailable> {
        let keys = vec![
            self.entry(key),
            self.set_of(&self.me),
            self.set_of(to),
            self.owners(),
        ];
        let arguments = vec![
            text(self.me.as_str()),
            text(to.as_str()),
            text(&key.to_text()),
        ];
        let answer = self.run(&scripts::HAND_OVER, keys, arguments).await?;
        Ok(answer.as_integer() == Some(1))
    }

    /// Writes the ends of connections as they come, for ever.
    pub(super) async fn write_releases(&self) {
        loop {
            self.released.notified().await;
            while self.write_some_releases().await {}
        }
    }

    /// Waits until the ends that are known now are written, as long as Redis answers.
    pub(super) async fn flush_releases(&self) {
        while self.write_some_releases().await {}
    }

    /// False: nothing is left, or Redis does not answer. Then the next registration sorts it out.
    async fn write_some_releases(&self) -> bool {
        let batch: Vec<_> = {
            let mut releases = self.releases.lock().unwrap_or_else(PoisonError::into_inner);
            let count = releases.len().min(BATCH);
            releases.drain(..count).collect()
        };
        if batch.is_empty() {
            return false;
        }
        let mut arguments = vec![text(self.me.as_str()), text(&self.entries())];
        for (key, remembered) in batch {
            arguments.push(text(&key.to_text()));
            arguments.push(text(&remembered.as_millis().to_string()));
        }
        let keys = vec![self.set_of(&self.me)];
        let written = self.run(&scripts::RELEASE, keys, arguments).await.is_ok();
        if !written {
            self.fall_out_of_step();
        }
        written
    }

    /// Writes that this instance is the home of `keys`. What comes back has another home.
    pub(super) async fn register(
        &self,
        keys: &[ConnectionKey],
    ) -> Result<Vec<ConnectionKey>, Unavailable> {
        let mut lost = Vec::new();
        // An instance without connections is written down too.
        for batch in keys.chunks(BATCH).chain(keys.is_empty().then_some(keys)) {
            let mut arguments = vec![text(self.me.as_str()), text(&self.entries())];
            arguments.extend(batch.iter().map(|key| text(&key.to_text())));
            let script_keys = vec![self.set_of(&self.me), self.owners()];
            let answer = self.run(&scripts::REGISTER, script_keys, arguments).await?;
            lost.extend(keys_of(&answer));
        }
        Ok(lost)
    }

    /// The connections that this instance is the home of, as Redis has it.
    pub(super) async fn registered(&self) -> Result<Vec<ConnectionKey>, Unavailable> {
        let mut registered = Vec::new();
        let mut cursor = "0".to_owned();
        loop {
            let arguments = vec![
                text(&self.set_of(&self.me)),
                text(&cursor),
                text("COUNT"),
                text("500"),
            ];
            let scan = timeout(LIMIT, self.redis.command("SSCAN", arguments)).await;
            let Ok(Ok(Value::List(answer))) = scan else {
                return Err(Unavailable);
            };
            let [next, members] = answer.as_slice() else {
                return Err(Unavailable);
            };
            registered.extend(keys_of(members));
            cursor = next.as_text().unwrap_or("0").to_owned();
            if cursor == "0" {
                return Ok(registered);
            }
        }
    }

    /// The connections of a dead instance have ended; `remembered`: so long their tokens could
    /// still claim.
    pub(super) async fn bury(
        &self,
        dead: &InstanceId,
        remembered: Duration,
    ) -> Result<(), Unavailable> {
        loop {
            let keys = vec![self.set_of(dead), self.owners()];
            let arguments = vec![
                text(dead.as_str()),
                text(&self.entries()),
                text(&remembered.as_millis().to_string()),
                text(&BATCH.to_string()),
            ];
            let buried = self.run(&scripts::BURY, keys, arguments).await?;
            if buried.as_integer() == Some(0) {
                return Ok(());
            }
        }
    }

    /// The instances that own connections.
    pub(super) async fn all_owners(&self) -> Result<Vec<InstanceId>, Unavailable> {
        let members = self.redis.command("SMEMBERS", vec![text(&self.owners())]);
        let Ok(Ok(answer)) = timeout(LIMIT, members).await else {
            return Err(Unavailable);
        };
        let owners = answer.into_list().map_err(|_| Unavailable)?;
        Ok(owners
            .iter()
            .filter_map(Value::as_text)
            .map(InstanceId::new)
            .collect())
    }

    /// Keeps what the fleet shares in place: gives the directory's birth, the secret of tokens, and
    /// whether this instance is known to own connections.
    pub(super) async fn tend(
        &self,
        secret: Option<[u8; 32]>,
        birth: &str,
    ) -> Result<(String, Option<[u8; 32]>, bool), Unavailable> {
        let keys = vec![self.birth(), self.redis.key("token-key"), self.owners()];
        let secret = secret.map_or_else(Bytes::new, |secret| Bytes::copy_from_slice(&secret));
        let arguments = vec![text(self.me.as_str()), secret, text(birth)];
        let answer = self.run(&scripts::TEND, keys, arguments).await?;
        let [birth, secret, known] = answer.as_list().ok_or(Unavailable)? else {
            return Err(Unavailable);
        };
        let secret = secret
            .as_bytes()
            .and_then(|bytes| (**bytes).try_into().ok());
        let birth = birth.as_text().unwrap_or_default().to_owned();
        Ok((birth, secret, known.as_integer() == Some(1)))
    }

    /// The connection to Redis was made, or lost.
    pub(super) fn set_connected(&self, is_up: bool) {
        let mut link = self.link.lock().unwrap_or_else(PoisonError::into_inner);
        *link = Link::now(is_up, link.was_lost || !is_up);
    }

    /// Whether the connection to Redis was lost and is back for so short that other instances may
    /// not be there yet.
    pub(super) fn is_back_lately(&self) -> bool {
        let link = self.link();
        link.was_lost && link.since.0.elapsed() < BACK
    }

    /// Whether a token is so young that only this instance, which issued it, can have claimed its
    /// connection: Redis was away already.
    pub fn was_away_at(&self, issued: SystemTime) -> bool {
        let link = self.link();
        !link.is_up && issued >= link.since.1
    }

    /// Whether what is not in the directory does not exist. `age` is that of the directory.
    fn is_complete(&self, age: Option<i64>) -> bool {
        let settling = SETTLING.as_millis() as i64;
        age.is_some_and(|age| age >= settling) && self.link().knows_all_but(UNIX_EPOCH)
    }

    fn link(&self) -> Link {
        *self.link.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn run(
        &self,
        script: &'static Script,
        keys: Vec<String>,
        arguments: Vec<Bytes>,
    ) -> Result<Value, Unavailable> {
        match timeout(LIMIT, self.redis.script(script, keys, arguments)).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(RedisError::Refused(reason))) => {
                tracing::warn!(reason, "redis refused the directory's script");
                Err(Unavailable)
            }
            Ok(Err(_)) | Err(_) => Err(Unavailable),
        }
    }

    fn entries(&self) -> String {
        self.redis.key("connection:")
    }

    fn entry(&self, key: ConnectionKey) -> String {
        self.entries() + &key.to_text()
    }

    fn set_of(&self, instance: &InstanceId) -> String {
        self.redis
            .key(&format!("connections-of:{}", instance.as_str()))
    }

    fn owners(&self) -> String {
        self.redis.key("owners-of-connections")
    }

    fn birth(&self) -> String {
        self.redis.key("directory")
    }
}

impl Link {
    fn now(is_up: bool, was_lost: bool) -> Self {
        let since = (Instant::now(), SystemTime::now());
        Self {
            is_up,
            since,
            was_lost,
        }
    }

    /// Up for long enough that every instance has written its connections again; or the one in
    /// question is younger than that.
    fn knows_all_but(&self, issued: SystemTime) -> bool {
        self.is_up && (self.since.0.elapsed() >= SETTLING || issued >= self.since.1)
    }
}

fn milliseconds(time: SystemTime) -> u128 {
    time.duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_millis()
}

fn keys_of(list: &Value) -> Vec<ConnectionKey> {
    let items = list.as_list().unwrap_or_default();
    items
        .iter()
        .filter_map(|item| ConnectionKey::from_text(item.as_bytes()?))
        .collect()
}

fn text(text: &str) -> Bytes {
    Bytes::copy_from_slice(text.as_bytes())
}

//! Which instance is the home of which connection, in Redis.
//!
//! A connection costs one round trip when it comes and a share of one when it goes, nothing while it
//! idles: an instance is alive or not, and with it its entries. Keys hold digests, never tokens.

mod link;
mod upkeep;

use std::{
    sync::{PoisonError, atomic::AtomicBool},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use tokio::{sync::Notify, time::timeout};

use self::link::Link;
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
    pub(in crate::signalr::fleet) fn new(redis: RedisService, me: InstanceId) -> Self {
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

    /// The connection to Redis was made, or lost.
    pub(in crate::signalr::fleet) fn set_connected(&self, is_up: bool) {
        let mut link = self.link.lock().unwrap_or_else(PoisonError::into_inner);
        *link = Link::now(is_up, link.was_lost || !is_up);
    }

    /// Whether the connection to Redis was lost and is back for so short that other instances may
    /// not be there yet.
    pub(in crate::signalr::fleet) fn is_back_lately(&self) -> bool {
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

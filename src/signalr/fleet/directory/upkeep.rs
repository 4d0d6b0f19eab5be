//! Keeps the directory true: ends are written together, an instance writes all its connections again,
//! the dead are buried.

use std::{
    sync::{PoisonError, atomic::Ordering},
    time::Duration,
};

use bytes::Bytes;
use tokio::time::timeout;

use super::{BATCH, Directory, LIMIT, MAXIMUM_RELEASES, Unavailable, keys_of, text};
use crate::{
    redis::{InstanceId, Value},
    signalr::fleet::{ConnectionKey, scripts},
};

impl Directory {
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
    pub(in crate::signalr::fleet) fn must_register(&self) -> bool {
        self.out_of_step.swap(false, Ordering::Relaxed)
    }

    /// Writes the ends of connections as they come, for ever.
    pub(in crate::signalr::fleet) async fn write_releases(&self) {
        loop {
            self.released.notified().await;
            while self.write_some_releases().await {}
        }
    }

    /// Waits until the ends that are known now are written, as long as Redis answers.
    pub(in crate::signalr::fleet) async fn flush_releases(&self) {
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
    pub(in crate::signalr::fleet) async fn register(
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
    pub(in crate::signalr::fleet) async fn registered(
        &self,
    ) -> Result<Vec<ConnectionKey>, Unavailable> {
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
    pub(in crate::signalr::fleet) async fn bury(
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
    pub(in crate::signalr::fleet) async fn all_owners(
        &self,
    ) -> Result<Vec<InstanceId>, Unavailable> {
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
    pub(in crate::signalr::fleet) async fn tend(
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
}

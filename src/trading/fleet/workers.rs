//! Registrations across instances: made where the log is written, remembered where the worker is.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt, stream};
use tokio::time::{Instant, sleep};

use super::Fleet;
use super::carrying::{Home, Missing, PATIENCE, no_writer, read};
use super::requests::{RegisteredAt, Reply, Request};
use crate::problem::Problem;
use crate::redis::InstanceId;
use crate::trading::ids::Id;
use crate::trading::live::Live;
use crate::trading::subject::Subject;
use crate::trading::workers::{Post, Registration};

/// Logs made, or asked about, side by side.
const SIDE_BY_SIDE: usize = 64;
const BETWEEN: Duration = Duration::from_millis(100);
/// How long a writer is told that a worker is gone; then it is gone itself, most likely.
const FAREWELL: Duration = Duration::from_secs(60);

type ByInstance = HashMap<InstanceId, Vec<Id>>;

impl<S: Subject> Live<S> {
    /// Makes a connection of this instance the worker of these, wherever they are written.
    pub async fn register(
        self: &Arc<Self>,
        connection: &Id,
        ids: &[Id],
        heartbeat: u64,
    ) -> Result<Vec<RegisteredAt>, Problem> {
        let deadline = Instant::now() + PATIENCE;
        let mut done = BTreeMap::new();
        let mut open: HashSet<Id> = ids.iter().cloned().collect();
        while !open.is_empty() {
            for at in self.register_once(&open, connection, heartbeat).await? {
                let id = Id::from(at.id.as_str());
                open.remove(&id);
                self.workers
                    .registered(connection, &id, heartbeat, at.number);
                done.insert(id, at);
            }
            if open.is_empty() {
                break;
            }
            if Instant::now() > deadline {
                return Err(no_writer());
            }
            sleep(BETWEEN).await;
            if let Some(fleet) = &self.fleet {
                let looks = stream::iter(&open);
                let looks =
                    looks.for_each_concurrent(SIDE_BY_SIDE, |id| self.look_for_writer(fleet, id));
                looks.await;
            }
        }
        let in_order = ids.iter().filter_map(|id| done.get(id).cloned());
        Ok(in_order.collect())
    }

    /// What could be registered now.
    async fn register_once(
        self: &Arc<Self>,
        ids: &HashSet<Id>,
        connection: &Id,
        heartbeat: u64,
    ) -> Result<Vec<RegisteredAt>, Problem> {
        let Some(fleet) = &self.fleet else {
            let ids = ids.iter().cloned().collect();
            return self
                .register_all_here(ids, connection, None, heartbeat)
                .await;
        };
        let (here, elsewhere) = self.sort(fleet, ids.iter().cloned()).await?;
        let mut done = self
            .register_all_here(here, connection, None, heartbeat)
            .await?;
        for (instance, ids) in elsewhere {
            let request = Request::Register {
                ids: ids.iter().map(ToString::to_string).collect(),
                connection: connection.to_string(),
                heartbeat,
            };
            match fleet.ask(&instance, &request).await {
                Ok(Reply::Done(answer)) => done.extend(read::<Vec<RegisteredAt>>(answer)?),
                Ok(Reply::Refused {
                    code,
                    message,
                    details,
                }) => {
                    return Err(Problem {
                        code,
                        message,
                        details,
                    });
                }
                Ok(Reply::Elsewhere) | Err(_) => {}
            }
        }
        Ok(done)
    }

    /// Which of these are written here, and which where; those with no writer for now in neither.
    async fn sort(
        self: &Arc<Self>,
        fleet: &Fleet<S>,
        ids: impl Iterator<Item = Id>,
    ) -> Result<(Vec<Id>, ByInstance), Problem> {
        let homes = stream::iter(ids).map(async |id| {
            let home = self.home(fleet, &id, Missing::Make).await;
            (id, home)
        });
        let homes: Vec<_> = homes.buffer_unordered(SIDE_BY_SIDE).collect().await;
        let (mut here, mut elsewhere) = (Vec::new(), ByInstance::new());
        for (id, home) in homes {
            match home? {
                Home::Here => here.push(id),
                Home::At(instance) => elsewhere.entry(instance).or_default().push(id),
                Home::Nowhere => {}
            }
        }
        Ok((here, elsewhere))
    }

    /// Registers a connection of this instance, or of another.
    pub(super) async fn register_all_here(
        self: &Arc<Self>,
        ids: Vec<Id>,
        connection: &Id,
        instance: Option<InstanceId>,
        heartbeat: u64,
    ) -> Result<Vec<RegisteredAt>, Problem> {
        let new = Registration::new(connection.clone(), instance, heartbeat);
        let mut registered = Vec::with_capacity(ids.len());
        for id in ids {
            let made = self.register_here(&id, &new);
            let (log, at, old) = match made {
                Ok(made) => made,
                // It went elsewhere meanwhile; it is looked for again.
                Err(_) if self.fleet.is_some() => continue,
                Err(problem) => return Err(problem),
            };
            if let Some(old) = old {
                self.tell_replaced(&old, &id);
            }
            registered.push((id, log, at));
        }
        let mut done = Vec::with_capacity(registered.len());
        for (id, log, at) in registered {
            if self.kept(&id, &log).await.is_ok() {
                done.push(at);
            }
        }
        Ok(done)
    }

    pub(super) fn tell_replaced(&self, old: &Registration, id: &Id) {
        let (Some(instance), Some(fleet)) = (&old.instance, &self.fleet) else {
            return self.workers.ended(&old.connection, id);
        };
        let replaced = Request::Replaced {
            id: id.to_string(),
            connection: old.connection.to_string(),
        };
        let body = serde_json::to_vec(&replaced).unwrap_or_default();
        // Not heard: its reports are refused by the registration that there is.
        fleet.logs.instances.notify(instance, S::KIND, body.into());
    }

    /// A connection of this instance is gone, be it a viewer's or a worker's or both.
    pub fn disconnected(self: &Arc<Self>, connection: &Id) {
        self.delivering.audience.release_everything(connection);
        let mut elsewhere = Vec::new();
        for id in self.workers.disconnected(connection) {
            match &self.fleet {
                Some(fleet) if !fleet.owns(&id) => elsewhere.push(id),
                _ => self.leave_here(connection, &id),
            }
        }
        if let Some(fleet) = &self.fleet
            && !elsewhere.is_empty()
        {
            let (live, connection) = (self.clone(), connection.clone());
            fleet
                .logs
                .redis
                .spawn(async move { live.say_farewell(elsewhere, &connection).await });
        }
    }

    /// Tells the writers of these that a worker is gone.
    async fn say_farewell(self: Arc<Self>, ids: Vec<Id>, connection: &Id) {
        let Some(fleet) = &self.fleet else { return };
        let deadline = Instant::now() + FAREWELL;
        let mut open = ids;
        while !open.is_empty() && Instant::now() < deadline {
            let mut elsewhere = ByInstance::new();
            let mut later = Vec::new();
            for id in open {
                let owner = fleet.copies.get(&id).and_then(|copy| copy.owner());
                match owner {
                    _ if fleet.owns(&id) => self.leave_here(connection, &id),
                    Some(owner) => elsewhere.entry(owner).or_default().push(id),
                    // It was removed.
                    None if !self.is_known(&id) => {}
                    None => later.push(id),
                }
            }
            for (instance, ids) in elsewhere {
                let request = Request::Leave {
                    ids: ids.iter().map(ToString::to_string).collect(),
                    connection: connection.to_string(),
                };
                if !matches!(fleet.ask(&instance, &request).await, Ok(Reply::Done(_))) {
                    later.extend(ids);
                }
            }
            open = later;
            if !open.is_empty() {
                sleep(5 * BETWEEN).await;
                for id in &open {
                    self.look_for_writer(fleet, id).await;
                }
            }
        }
    }

    /// Asks all instances who works for these, which were taken over just now.
    pub(super) async fn find_workers(self: &Arc<Self>, fleet: &Fleet<S>, ids: &[Id]) {
        let instances = fleet.logs.instances.list().await.unwrap_or_default();
        let me = fleet.logs.instances.id();
        let request = Request::Workers {
            ids: ids.iter().map(ToString::to_string).collect(),
        };
        let wanted = ids.iter().map(|id| &**id).collect();
        let here = self.workers.posts(&wanted);
        let mut found: Vec<(Option<InstanceId>, Post)> =
            here.into_iter().map(|post| (None, post)).collect();
        for instance in instances.into_iter().filter(|instance| instance.id != *me) {
            let Ok(Reply::Done(posts)) = fleet.ask(&instance.id, &request).await else {
                continue;
            };
            let posts: Vec<Post> = read(posts).unwrap_or_default();
            let there = posts
                .into_iter()
                .map(|post| (Some(instance.id.clone()), post));
            found.extend(there);
        }
        // The newest of each is put in last.
        found.sort_by_key(|(_, post)| post.number);
        for (instance, post) in found {
            self.find_worker(fleet, instance, post);
        }
    }

    /// Somebody turned out to work for a log. The newest registration counts; who has another is
    /// told so.
    pub(super) fn find_worker(&self, fleet: &Fleet<S>, instance: Option<InstanceId>, post: Post) {
        let Some(log) = self.find(&post.id).ok().filter(|_| fleet.owns(&post.id)) else {
            return;
        };
        let id = Id::from(post.id.as_str());
        let connection = Id::from(post.connection.as_str());
        let mut new = Registration::new(connection.clone(), instance, post.heartbeat);
        new.number = post.number;
        let other = self.write(&log, |scribe| {
            let registration = scribe.state().registration();
            match registration {
                Some(known) if known.connection == connection => None,
                Some(known) if known.number >= new.number => Some(new),
                _ => {
                    let old = registration.replace(new);
                    S::on_worker_found(scribe);
                    old
                }
            }
        });
        if let Some(other) = other {
            self.tell_replaced(&other, &id);
        }
    }

    /// The registrations of an instance's connections end with it.
    pub(super) fn bury(&self, fleet: &Fleet<S>, instance: &InstanceId) {
        fleet.dead().insert(instance.clone());
        for id in fleet.owned() {
            self.end_registration(&id, |it| it.instance.as_ref() == Some(instance));
        }
    }
}

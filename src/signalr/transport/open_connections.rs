//! The open connections of the whole fleet, for operators: which there are, and closing one.
//! Connections show from their handshake on.

use std::{cmp::Reverse, collections::BTreeMap, rc::Rc, sync::Arc, time::Duration};

use futures_util::future::join_all;

use super::{
    record::{self, Record},
    registry::Connections,
};
use crate::{
    redis::{CallError, InstanceId},
    signalr::{
        connection::CloseReason,
        fleet::{
            Fleet,
            message::{Filter, OpenConnection, Reply, Request},
        },
        hub::HubEndpoint,
        lifetime::Backlog,
        protocol::Protocol,
    },
};

/// How long another instance may take to answer.
const LIMIT: Duration = Duration::from_secs(5);

/// Another instance did not answer, so there is no complete answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an instance of the fleet does not answer")]
pub struct Incomplete;

/// Reaches the open connections of the fleet. Clones are the same.
#[derive(Clone)]
pub struct OpenConnections {
    pub(super) connections: Arc<Connections>,
    pub(super) hubs: Arc<[(usize, Arc<HubEndpoint>)]>,
}

impl OpenConnections {
    /// Connections of all instances, newest first, `filter.limit` at most.
    pub async fn list(&self, filter: &Filter) -> Result<Vec<OpenConnection>, Incomplete> {
        let mut all = list_here(&self.connections, filter).await;
        for reply in self.ask_others(&Request::List(filter.clone())).await? {
            if let Reply::Listed(listed) = reply {
                all.extend(listed);
            }
        }
        Ok(newest(all, filter.limit))
    }

    /// Closes a connection by its public id, wherever it lives; its client is told not to come
    /// back. False: there is none.
    pub async fn close(&self, connection_id: &str) -> Result<bool, Incomplete> {
        if close_here(&self.connections, connection_id).await {
            return Ok(true);
        }
        let connection_id = connection_id.to_owned();
        let replies = self.ask_others(&Request::Close { connection_id }).await?;
        Ok(replies.contains(&Reply::Closed(true)))
    }

    /// The connections of this instance: hub, transport, how many.
    pub fn counts(&self) -> BTreeMap<String, BTreeMap<String, usize>> {
        let hubs = self.hubs.iter().map(|(hub, endpoint)| {
            let by_transport = self.connections.counts(*hub).by_transport();
            let by_transport = by_transport.map(|(kind, count)| (kind.name().to_owned(), count));
            let name = endpoint.lifetime().name().to_owned();
            (name, by_transport.into_iter().collect())
        });
        hubs.collect()
    }

    /// What waits in the outboxes of this instance, by hub. A worker that is too busy to say
    /// delays the answer.
    pub async fn backlogs(&self) -> Vec<(String, Backlog)> {
        let backlogs = self.connections.workers().backlogs().await;
        let hubs = self.hubs.iter().filter_map(|(hub, endpoint)| {
            let name = endpoint.lifetime().name().to_owned();
            Some((name, *backlogs.get(*hub)?))
        });
        hubs.collect()
    }

    /// Bytes on their way to each worker of this instance, by its number.
    pub fn mailbox_bytes(&self) -> Vec<(usize, usize)> {
        self.connections.workers().mailbox_bytes().collect()
    }

    /// The other instances' answers. Those that died meanwhile have none.
    async fn ask_others(&self, request: &Request) -> Result<Vec<Reply>, Incomplete> {
        let Some(fleet) = self.connections.fleet() else {
            return Ok(Vec::new());
        };
        let others = fleet.instances().await.map_err(|_| Incomplete)?;
        let others = others.iter().filter(|other| other.id != *fleet.id());
        let asked = others.map(|other| ask(fleet, &other.id, request));
        let replies: Result<Vec<_>, _> = join_all(asked).await.into_iter().collect();
        Ok(replies?.into_iter().flatten().collect())
    }
}

async fn ask(
    fleet: &Fleet,
    instance: &InstanceId,
    request: &Request,
) -> Result<Option<Reply>, Incomplete> {
    match fleet.ask(instance, request, LIMIT).await {
        Ok(reply) => Ok(Some(reply)),
        Err(CallError::Gone) => Ok(None),
        Err(_) if !fleet.is_alive(instance).await => Ok(None),
        Err(_) => Err(Incomplete),
    }
}

/// The open connections of this instance.
pub(super) async fn list_here(connections: &Connections, filter: &Filter) -> Vec<OpenConnection> {
    let instance = connections.fleet().map(|fleet| fleet.id().to_string());
    let workers = connections.workers();
    let listing = (0..workers.len()).map(|worker| {
        let (filter, instance) = (filter.clone(), instance.clone().unwrap_or_default());
        workers.request(worker, move || async move {
            let records = record::all();
            let open = records
                .iter()
                .filter_map(|record| describe(record, &instance));
            newest(
                open.filter(|open| matches(open, &filter)).collect(),
                filter.limit,
            )
        })
    });
    let all = join_all(listing).await.into_iter().flatten().flatten();
    newest(all.collect(), filter.limit)
}

/// Closes a connection of this instance. False: there is none.
pub(super) async fn close_here(connections: &Connections, connection_id: &str) -> bool {
    let workers = connections.workers();
    let closing = (0..workers.len()).map(|worker| {
        let id = connection_id.to_owned();
        workers.request(worker, move || async move {
            let mut records = record::all().into_iter();
            let found = records.find(|record| record.id().as_str() == id && is_open(record));
            if let Some(record) = &found {
                record.dispose(CloseReason::Aborted);
            }
            found.is_some()
        })
    });
    join_all(closing).await.contains(&Ok(true))
}

fn is_open(record: &Rc<Record>) -> bool {
    record
        .hub()
        .is_some_and(|hub| !hub.is_handshaking() && !hub.has_ended())
}

fn describe(record: &Rc<Record>, instance: &str) -> Option<OpenConnection> {
    let hub = record.hub().filter(|_| is_open(record))?;
    let connection = hub.connection();
    Some(OpenConnection {
        connection_id: record.id().as_str().to_owned(),
        hub: record.endpoint().lifetime().name().to_owned(),
        user: connection.user().map(|user| user.id.clone()),
        instance_id: instance.to_owned(),
        transport: record.kind()?.name().to_owned(),
        protocol: match connection.protocol() {
            Protocol::Json => "json".to_owned(),
            Protocol::MessagePack => "messagepack".to_owned(),
        },
        connected_at: record.connected_at(),
    })
}

fn matches(open: &OpenConnection, filter: &Filter) -> bool {
    let is_hub = |hub: &String| hub.eq_ignore_ascii_case(&open.hub);
    let is_before = |(at, id): &(i64, String)| order(open) > (Reverse(*at), id.as_str());
    filter.hub.as_ref().is_none_or(is_hub)
        && (filter.user.is_none() || filter.user == open.user)
        && filter.before.as_ref().is_none_or(is_before)
}

/// Newest first; of the same moment, by id.
fn order(open: &OpenConnection) -> (Reverse<i64>, &str) {
    (Reverse(open.connected_at), &open.connection_id)
}

fn newest(mut open: Vec<OpenConnection>, limit: usize) -> Vec<OpenConnection> {
    open.sort_by(|one, other| order(one).cmp(&order(other)));
    open.truncate(limit);
    open
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(connection_id: &str, connected_at: i64) -> OpenConnection {
        OpenConnection {
            connection_id: connection_id.into(),
            hub: "llmhub".into(),
            user: Some("ann".into()),
            instance_id: "one".into(),
            transport: "WebSockets".into(),
            protocol: "json".into(),
            connected_at,
        }
    }

    fn ids(open: &[OpenConnection]) -> Vec<&str> {
        open.iter().map(|open| &*open.connection_id).collect()
    }

    #[test]
    fn pages_are_newest_first_and_continue_where_the_one_before_ended() {
        let all = [open("a", 1), open("c", 2), open("b", 2), open("d", 3)];
        let first = newest(all.to_vec(), 2);
        assert_eq!(ids(&first), ["d", "b"]);
        let filter = Filter {
            before: Some((2, "b".into())),
            ..Filter::default()
        };
        let rest = all.into_iter().filter(|open| matches(open, &filter));
        assert_eq!(ids(&newest(rest.collect(), 2)), ["c", "a"]);
    }

    #[test]
    fn a_page_may_begin_anywhere() {
        let before = |at| Filter {
            before: Some((at, String::new())),
            ..Filter::default()
        };
        assert!(matches(&open("a", 1), &before(i64::MAX)));
        assert!(!matches(&open("a", 1), &before(i64::MIN)));
    }

    #[test]
    fn hubs_match_in_any_case_and_users_exactly() {
        let filter = |hub: &str, user: &str| Filter {
            hub: Some(hub.into()),
            user: Some(user.into()),
            ..Filter::default()
        };
        assert!(matches(&open("a", 1), &filter("LlmHub", "ann")));
        assert!(!matches(&open("a", 1), &filter("llmhub", "Ann")));
        assert!(!matches(&open("a", 1), &filter("bothub", "ann")));
    }
}

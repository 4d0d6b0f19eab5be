//! The connections of a worker, by their token's key.

use std::{cell::RefCell, collections::HashMap, rc::Rc};

use ahash::RandomState;

use super::Record;
use crate::signalr::fleet::ConnectionKey;

thread_local! {
    static RECORDS: RefCell<HashMap<ConnectionKey, Rc<Record>, RandomState>> = RefCell::default();
}

/// Finds a connection of this worker.
pub fn find(key: ConnectionKey) -> Option<Rc<Record>> {
    RECORDS.with(|records| records.borrow().get(&key).cloned())
}

/// Adds a connection to this worker.
pub fn insert(record: Rc<Record>) {
    RECORDS.with(|records| records.borrow_mut().insert(record.key, record));
}

/// Takes a connection out; false if it was not there any more. One that moved away and came back has
/// the key of its former record, which is not it.
pub fn remove(record: &Record) -> bool {
    RECORDS.with(|records| {
        let mut records = records.borrow_mut();
        let found = records.get(&record.key);
        let is_it = found.is_some_and(|found| std::ptr::eq(&raw const **found, record));
        let removed = is_it && records.remove(&record.key).is_some();
        if records.len() * 8 < records.capacity() && records.capacity() > 1_024 {
            let room = records.len() * 2;
            records.shrink_to(room);
        }
        removed
    })
}

/// All connections of this worker.
pub fn all() -> Vec<Rc<Record>> {
    RECORDS.with(|records| records.borrow().values().cloned().collect())
}

/// How many connections this worker has.
pub fn count() -> usize {
    RECORDS.with(|records| records.borrow().len())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::{task::LocalSet, time::Instant};

    use super::*;
    use crate::signalr::{
        connection::{CloseReason, ConnectionId, ConnectionOptions, RequestData, TransportKind},
        hub::{Hub, HubContext, HubEndpoint, HubOptions, Methods},
        lifetime::Workers,
        transport::{counts::Counts, registry::NewConnection},
    };

    struct EmptyHub;

    impl Hub for EmptyHub {
        fn methods(_: &mut Methods<Self>) {}
    }

    fn record(key: ConnectionKey) -> Rc<Record> {
        let endpoint = HubEndpoint::new(
            "/empty",
            Arc::new(EmptyHub),
            &HubContext::new("empty", "EmptyHub"),
            HubOptions::default(),
            ConnectionOptions::default(),
        );
        let new = NewConnection {
            id: ConnectionId::from("id"),
            stateful: false,
            claimable_until: Instant::now(),
            early: Vec::new(),
        };
        Record::new(key, Arc::new(endpoint), new, Counts::default())
    }

    /// A connection that moved away and came back has the key of its former record.
    #[test]
    fn a_successor_is_not_taken_out_for_its_predecessor() {
        let key = ConnectionKey::of("token");
        let (former, successor) = (record(key), record(key));
        insert(former.clone());
        insert(successor.clone());
        assert!(!remove(&former));
        assert!(find(key).is_some_and(|found| Rc::ptr_eq(&found, &successor)));
        assert!(remove(&successor) && !remove(&successor));
        assert_eq!((count(), find(key).is_none()), (0, true));
    }

    #[tokio::test]
    async fn nothing_attaches_to_a_connection_that_has_ended() {
        let workers = Workers::new(1, 1);
        let worker = LocalSet::new();
        let attach = worker.run_until(async {
            workers.start_worker().expect("the first one");
            let record = record(ConnectionKey::of("token"));
            record.dispose(CloseReason::Moved);
            let hub = record.start(TransportKind::WebSockets, None, RequestData::default());
            (hub.is_none(), record.kind())
        });
        assert_eq!(attach.await, (true, None));
    }
}

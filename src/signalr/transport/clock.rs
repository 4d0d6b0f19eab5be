//! The clock of a worker: it ticks at most once a second and finds what is due.

use std::{rc::Rc, sync::Arc, time::Duration};

use tokio::time::{Instant, MissedTickBehavior, interval};

use super::{
    dispatch::Numbered,
    record::{self, Attached, Record},
    registry::Connections,
    websocket::WebSocket,
};
use crate::signalr::{
    connection::{CloseReason, Ending, Transport},
    hub::HubConnection,
};

/// The reference's heartbeat.
const SLOWEST: Duration = Duration::from_secs(1);
const FASTEST: Duration = Duration::from_millis(100);
/// Connections between two turns of others.
const TURN: usize = 1_024;

/// Ticks as often as the shortest configured time needs.
pub async fn run(connections: Arc<Connections>, hubs: Arc<[Numbered]>) {
    let mut interval = interval(period(&hubs));
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        interval.tick().await;
        let now = Instant::now();
        connections.expire(now);
        for (index, record) in record::all().into_iter().enumerate() {
            tick(&record, &connections, now);
            if index % TURN == TURN - 1 {
                tokio::task::yield_now().await;
            }
        }
    }
}

fn period(hubs: &[Numbered]) -> Duration {
    let shortest = hubs.iter().flat_map(|(_, hub)| {
        let (options, connection) = (hub.options(), hub.connection_options());
        [
            options.keep_alive_interval,
            options.client_timeout_interval,
            options.handshake_timeout,
            connection.disconnect_timeout,
            connection.close_timeout,
        ]
    });
    shortest
        .min()
        .map_or(SLOWEST, |shortest| (shortest / 8).clamp(FASTEST, SLOWEST))
}

fn tick(record: &Rc<Record>, connections: &Connections, now: Instant) {
    let limit = record.endpoint().connection_options().disconnect_timeout;
    if record
        .inactive_since()
        .is_some_and(|since| now >= since + limit)
    {
        record.dispose(CloseReason::Gone);
        connections.remove(record);
        return;
    }
    if let Some(hub) = record.hub() {
        hub.tick(now);
    }
    let socket = match &*record.attached() {
        Some(Attached::WebSocket(socket)) => socket.clone(),
        _ => return,
    };
    socket.tick(now);
    if let Some(hub) = record.hub()
        && takes_nothing(record, &hub, &socket, now)
    {
        if hub.has_ended() {
            // Its last word waits behind the rest, for nobody.
            socket.end(Ending::Cut);
        } else {
            hub.close(CloseReason::SendTimeout);
        }
    }
}

/// Whether a socket has been full for longer than it may be. After the end of its connection that is
/// limited in any case.
fn takes_nothing(record: &Record, hub: &HubConnection, socket: &WebSocket, now: Instant) -> bool {
    let options = record.endpoint().connection_options();
    let limit = match options.transport_send_timeout {
        None if hub.has_ended() => Some(options.close_timeout),
        limit => limit,
    };
    let since = socket.blocked_since();
    limit
        .zip(since)
        .is_some_and(|(limit, since)| now >= since + limit)
}

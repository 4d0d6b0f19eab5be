//! A connection's deadlines. Time is an argument: the transport's clock ticks about once a second.

use std::{
    rc::Rc,
    time::{Duration, SystemTime},
};

use tokio::time::Instant;

use super::{
    HubOptions,
    connection::{HubConnection, Phase},
};
use crate::signalr::{
    connection::{CloseReason, Frame},
    protocol::write,
};

/// When something is due.
#[derive(Debug)]
pub(super) struct Timers {
    handshake: Instant,
    ping: Instant,
    keep_alive: Duration,
    /// When the client was last heard of; None until its first ping.
    heard: Option<Instant>,
}

impl Timers {
    pub fn new(options: &HubOptions, now: Instant) -> Self {
        Self {
            handshake: now + options.handshake_timeout,
            ping: now + options.keep_alive_interval,
            keep_alive: options.keep_alive_interval,
            heard: None,
        }
    }

    /// The client pinged: from now on it is held to the client timeout.
    pub fn arm(&mut self, now: Instant) {
        self.heard = Some(now);
    }

    /// Messages of the client were dispatched.
    pub fn heard(&mut self, now: Instant) {
        if let Some(heard) = &mut self.heard {
            *heard = now;
        }
    }

    /// The handshake was accepted: pings count from here.
    pub fn connected(&mut self, now: Instant) {
        self.ping = now + self.keep_alive;
    }
}

impl HubConnection {
    /// Does what is due at `now`.
    pub fn tick(self: &Rc<Self>, now: Instant) {
        match self.phase.get() {
            Phase::Handshaking if now >= self.timers.borrow().handshake => {
                self.close(CloseReason::Handshake("Handshake was canceled.".into()));
            }
            Phase::Connecting | Phase::Active => self.tick_connected(now),
            _ => {}
        }
    }

    fn tick_connected(self: &Rc<Self>, now: Instant) {
        if self.fell_silent(now) {
            return self.close(CloseReason::ClientTimeout);
        }
        if self.authentication_expired() {
            return self.close(CloseReason::AuthenticationExpired);
        }
        self.acknowledge_received();
        let ping_due = now >= self.timers.borrow().ping;
        if ping_due {
            let mut timers = self.timers.borrow_mut();
            timers.ping = now + timers.keep_alive;
            drop(timers);
            self.ping();
        }
    }

    /// Input that waits for the hub does not count as silence (reference 8.2).
    fn fell_silent(&self, now: Instant) -> bool {
        let limit = self.endpoint.options().client_timeout_interval;
        let waits = self.phase.get() == Phase::Connecting || self.input.borrow().is_paused();
        !waits
            && self
                .timers
                .borrow()
                .heard
                .is_some_and(|heard| now >= heard + limit)
    }

    fn authentication_expired(&self) -> bool {
        let options = self.endpoint.connection_options();
        let expires = self.ticket_expires.get();
        options.close_on_authentication_expiration
            && expires.is_some_and(|expires| SystemTime::now() >= expires)
    }

    /// A ping is skipped when the client is behind anyway: what waits shows that the server lives.
    fn ping(self: &Rc<Self>) {
        let skipped = self.transport.has_inherent_keep_alive()
            || !self.connection.is_attached()
            || self.connection.outbox_mut().must_wait();
        if !skipped {
            let protocol = self.connection.protocol();
            self.push_untracked(|out| write::write_ping(protocol, out));
        }
    }

    pub(super) fn push_untracked(self: &Rc<Self>, write: impl FnOnce(&mut Vec<u8>)) {
        let frame = Frame::encode(self.connection.protocol(), false, |out| {
            write(out);
            Ok(())
        });
        if let Ok(frame) = frame {
            self.connection.push(frame);
        }
    }
}

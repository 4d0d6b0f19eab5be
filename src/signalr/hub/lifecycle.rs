//! How a connection begins and ends.
//!
//! Handshake, answer, registration (messages of others reach the client from here), `on_connected`,
//! messages. At the end: the close message, nothing after it, streams and questions are told,
//! `on_disconnected`, deregistration, the transport ends (reference 8.6, 8.7).

use std::rc::Rc;

use tokio::time::Instant;
use tracing::{Instrument, debug, info, warn};

use super::{
    HubCallerContext, HubError, HubResult,
    connection::{HubConnection, Phase},
};
use crate::signalr::{
    backplane::Subscribing,
    connection::{CloseReason, Ending, Frame, ReceivedCounter, Transport},
    protocol::{
        Protocol, TransferFormat,
        handshake::{self, HandshakeError, HandshakeRequest},
        write,
    },
};

impl HubConnection {
    /// The handshake request is complete.
    pub(super) fn handshake(self: &Rc<Self>, record: &[u8]) {
        match handshake::parse(record).and_then(|request| Ok((self.select(&request)?, request))) {
            Ok((protocol, request)) => self.accepted(protocol, request.version),
            Err(error) => {
                self.close(CloseReason::Handshake(error.text(self.detailed_errors())));
            }
        }
    }

    fn select(&self, request: &HandshakeRequest) -> Result<Protocol, HandshakeError> {
        let format = match self.transport.is_binary() {
            true => TransferFormat::Binary,
            false => TransferFormat::Text,
        };
        request.select(&self.endpoint.options().supported_protocols, format)
    }

    fn accepted(self: &Rc<Self>, protocol: Protocol, version: i64) {
        self.connection.set_protocol(protocol);
        let stateful = self.stateful.get() && version >= 2;
        self.stateful.set(stateful);
        self.connection
            .push(Frame::handshake(protocol, &handshake::response(None)));
        if stateful {
            self.connection.outbox_mut().enable_replay();
            *self.received.borrow_mut() = Some(Box::<ReceivedCounter>::default());
        }
        self.phase.set(Phase::Connecting);
        self.timers.borrow_mut().connected(Instant::now());
        self.endpoint.lifetime().numbers().opened(self.transport);
        let subscribing = self
            .endpoint
            .lifetime()
            .connect(&self.worker, &self.connection);
        self.span()
            .in_scope(|| debug!(protocol = protocol.name(), "connected"));
        self.run_on_connected(subscribing);
    }

    /// Most hubs do nothing here, so it is polled at once and becomes a task only if it must wait:
    /// for messages of other instances to reach the connection, and for the hub.
    fn run_on_connected(self: &Rc<Self>, subscribing: Option<Subscribing>) {
        let this = self.clone();
        let mut task = Box::pin(
            async move {
                if let Some(subscribing) = subscribing {
                    subscribing.await;
                }
                match this.admit().await {
                    Ok(()) => this.connected(),
                    Err(error) => this.refuse(&error),
                }
            }
            .instrument(self.span().clone()),
        );
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        if task.as_mut().poll(&mut context).is_pending() {
            tokio::task::spawn_local(task);
        }
    }

    /// Whether the client may stay: as far as the limits go, and as the hub wants it.
    async fn admit(self: &Rc<Self>) -> HubResult<()> {
        if let Some(admission) = self.endpoint.admission() {
            let user = self.connection.user().map(|user| &**user);
            *self.admitted.borrow_mut() = Some(admission.connect(user)?);
        }
        let context = HubCallerContext::new(self.clone(), None);
        self.endpoint.life_cycle().connected(context).await
    }

    fn connected(self: &Rc<Self>) {
        self.was_connected.set(true);
        self.phase.set(Phase::Active);
        let ended_meanwhile = self.close_reason.borrow().clone();
        match ended_meanwhile {
            Some(reason) => self.begin_end(reason),
            None => self.resume_input(),
        }
    }

    fn refuse(self: &Rc<Self>, error: &HubError) {
        info!(%error, "refused by on_connected");
        let text = error.text_after("Connection closed with an error.", self.detailed_errors());
        self.begin_end(CloseReason::Refused(text));
    }

    /// Hub code ends the connection.
    pub(super) fn abort(self: &Rc<Self>) {
        self.close(CloseReason::Aborted);
    }

    /// Ends the connection. The first reason counts.
    pub fn close(self: &Rc<Self>, reason: CloseReason) {
        if self.has_ended() {
            return;
        }
        match self.phase.get() {
            Phase::Handshaking => self.end_before_handshake(&reason),
            Phase::Connecting => {
                *self.close_reason.borrow_mut() = Some(reason);
                self.notify_ended();
            }
            _ => self.begin_end(reason),
        }
    }

    fn end_before_handshake(self: &Rc<Self>, reason: &CloseReason) {
        self.phase.set(Phase::Ended);
        self.span().in_scope(
            || debug!(reason = reason.name(), detail = %reason, "ended before the handshake"),
        );
        if let CloseReason::Handshake(text) = reason {
            let response = handshake::response(Some(text));
            self.connection
                .push(Frame::handshake(Protocol::Json, &response));
        }
        let silent =
            matches!(reason, CloseReason::Handshake(text) if text == "Handshake was canceled.");
        self.connection.end(if silent {
            Ending::Prompt
        } else {
            Ending::Normal
        });
        self.notify_ended();
    }

    fn begin_end(self: &Rc<Self>, reason: CloseReason) {
        self.phase.set(Phase::Ending);
        self.log_end(&reason);
        let lasted = self.began.elapsed();
        let numbers = self.endpoint.lifetime().numbers();
        numbers.closed(self.transport, &reason, lasted);
        *self.close_reason.borrow_mut() = Some(reason.clone());
        self.say_goodbye(&reason);
        self.endpoint
            .lifetime()
            .client_results()
            .disconnected(self.connection.id());
        for (_, stream) in self.streams().drain() {
            stream.abort();
        }
        let uploads = std::mem::take(&mut *self.uploads.borrow_mut());
        for upload in uploads.values() {
            upload.end(Some(HubError::new("The underlying connection was closed.")));
        }
        self.discard_input();
        self.notify_ended();
        let this = self.clone();
        tokio::task::spawn_local(
            async move {
                let ending = this.run_on_disconnected(&reason).await;
                this.finish(ending);
            }
            .instrument(self.span().clone()),
        );
    }

    /// The close message is the last one; to a client that takes nothing any more there is none.
    fn say_goodbye(self: &Rc<Self>, reason: &CloseReason) {
        if is_cut(reason) {
            let mut outbox = self.connection.outbox_mut();
            outbox.close();
            outbox.clear();
            drop(outbox);
            return self.connection.end(Ending::Cut);
        }
        let protocol = self.connection.protocol();
        let error = reason.error_text(self.detailed_errors());
        let frame = Frame::encode(protocol, false, |out| {
            write::write_close(protocol, out, error.as_deref(), reason.allow_reconnect());
            Ok(())
        });
        if let Ok(frame) = frame {
            self.connection.outbox_mut().push_last(frame);
            self.connection.flush();
        }
    }

    async fn run_on_disconnected(self: &Rc<Self>, reason: &CloseReason) -> Ending {
        if !self.was_connected.get() {
            return Ending::Normal;
        }
        let context = HubCallerContext::new(self.clone(), None);
        let error = Self::disconnect_error(reason);
        match self
            .endpoint
            .life_cycle()
            .disconnected(context, error)
            .await
        {
            Ok(()) => Ending::Normal,
            Err(error) => {
                warn!(%error, "on_disconnected failed");
                Ending::Failed
            }
        }
    }

    fn finish(self: &Rc<Self>, ending: Ending) {
        self.endpoint
            .lifetime()
            .disconnect(&self.worker, &self.connection);
        self.admitted.take();
        self.phase.set(Phase::Ended);
        self.connection.end(ending);
    }

    fn log_end(&self, reason: &CloseReason) {
        self.span().in_scope(|| match reason {
            CloseReason::SlowReader(_) | CloseReason::SendTimeout => {
                warn!(reason = reason.name(), detail = %reason, "closed")
            }
            reason if reason.is_error() => {
                info!(reason = reason.name(), detail = %reason, "closed")
            }
            reason => debug!(reason = reason.name(), "closed"),
        });
    }

    /// The transport is gone without a word; a stateful connection waits for the next one.
    pub fn transport_lost(self: &Rc<Self>) {
        self.connection.detach();
        if !self.is_resumable() {
            self.close(CloseReason::ClientLeft);
        }
    }

    /// The client ended the transport in good order.
    pub fn transport_closed(self: &Rc<Self>) {
        self.close(CloseReason::ClientLeft);
    }

    /// A new socket continues a stateful connection: it gets `Sequence` and everything that was not
    /// acknowledged. The former transport is returned.
    pub fn resume(self: &Rc<Self>, transport: Rc<dyn Transport>) -> Option<Rc<dyn Transport>> {
        self.discard_input();
        let protocol = self.connection.protocol();
        self.connection.outbox_mut().resume(|number| {
            Frame::encode(protocol, false, |out| {
                write::write_sequence(protocol, out, number);
                Ok(())
            })
            .unwrap_or_else(|error| unreachable!("a number can always be written: {error}"))
        });
        self.connection.attach(transport)
    }
}

/// Whether the client takes nothing any more.
fn is_cut(reason: &CloseReason) -> bool {
    matches!(
        reason,
        CloseReason::SlowReader(_) | CloseReason::SendTimeout
    )
}

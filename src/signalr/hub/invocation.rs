//! One running call of a hub method: its slot, its answer, what comes after the answer.

use std::{
    cell::{Cell, RefCell},
    panic::AssertUnwindSafe,
    rc::Rc,
};

use futures_util::{FutureExt, Stream, StreamExt, future::LocalBoxFuture};
use tracing::{Instrument, error};

use super::{HubCallerContext, HubError, HubResult, connection::HubConnection};
use crate::signalr::{
    connection::Frame,
    protocol::{Encode, EncodeError, write},
};

/// Items of one stream between two turns of others. Each turn ends with a write, which costs as much
/// as some 50 small items; large items fill the outbox sooner and wait there.
const TURN: usize = 512;

type AfterCompletion = Box<dyn FnOnce()>;

/// What a call holds while it runs.
pub struct CallState {
    connection: Rc<HubConnection>,
    invocation_id: Option<String>,
    target: &'static str,
    slot: Cell<bool>,
    answered: Cell<bool>,
    uploads: Vec<String>,
    after: RefCell<Vec<AfterCompletion>>,
}

impl CallState {
    pub(super) fn new(
        connection: Rc<HubConnection>,
        invocation_id: Option<String>,
        target: &'static str,
        slot: bool,
        uploads: Vec<String>,
    ) -> Rc<Self> {
        let (slot, answered) = (Cell::new(slot), Cell::new(false));
        Rc::new(Self {
            connection,
            invocation_id,
            target,
            slot,
            answered,
            uploads,
            after: RefCell::default(),
        })
    }

    /// Gives the slot back before the call ends, once.
    pub(super) fn release_slot(&self) {
        if self.slot.replace(false) {
            self.connection.release_slot();
        }
    }

    pub(super) fn after_completion(&self, work: AfterCompletion) {
        if self.answered.get() {
            work();
        } else {
            self.after.borrow_mut().push(work);
        }
    }

    /// Sends the answer, the last message of this call.
    async fn answer(&self, frame: Result<Option<Frame>, EncodeError>) {
        match frame {
            Ok(Some(frame)) => {
                self.connection.connection().send(frame).await;
            }
            Ok(None) => {}
            Err(error) => self.connection.write_failed(&error),
        }
        self.answered.set(true);
        let after = std::mem::take(&mut *self.after.borrow_mut());
        after.into_iter().for_each(|work| work());
    }

    fn error_frame(&self, text: impl FnOnce(&str, bool) -> String) -> Option<Frame> {
        let id = self.invocation_id.as_deref()?;
        Some(
            self.connection
                .error_completion(id, &text(self.target, self.connection.detailed_errors())),
        )
    }
}

impl Drop for CallState {
    fn drop(&mut self) {
        self.connection.close_uploads(&self.uploads);
        self.release_slot();
    }
}

/// A call that was bound and may start.
pub(super) struct Invocation {
    context: HubCallerContext,
    call: Rc<CallState>,
}

impl Invocation {
    pub fn new(call: Rc<CallState>) -> Self {
        Self {
            context: HubCallerContext::new(call.connection.clone(), Some(call.clone())),
            call,
        }
    }

    pub fn context(&self) -> &HubCallerContext {
        &self.context
    }

    /// Answers with a result or an error.
    pub async fn complete(self, result: Result<&dyn Encode, &HubError>) {
        let frame = match (result, &self.call.invocation_id) {
            (_, None) => Ok(None),
            (Ok(value), Some(id)) => {
                let protocol = self.call.connection.connection().protocol();
                Frame::encode(protocol, true, |out| {
                    write::write_result(protocol, out, id, value)
                })
                .map(Some)
            }
            (Err(error), Some(_)) => Ok(self.call.error_frame(|target, detailed| {
                let base =
                    format!("An unexpected error occurred invoking '{target}' on the server.");
                error.text_after(&base, detailed)
            })),
        };
        self.call.answer(frame).await;
    }

    /// Answers with an error in other words.
    pub async fn fail(self, text: impl FnOnce(&str, bool) -> String) {
        let frame = self.call.error_frame(text);
        self.call.answer(Ok(frame)).await;
    }

    /// Sends every item, then ends the stream.
    pub async fn stream<T: Encode>(self, mut items: impl Stream<Item = HubResult<T>> + Unpin) {
        let connection = self.call.connection.connection().clone();
        let protocol = connection.protocol();
        let Some(id) = self.call.invocation_id.as_deref() else {
            return;
        };
        let mut sent = 0;
        let last = loop {
            let item = match items.next().await {
                None => break Ok(void_completion(&self.call, id)),
                Some(Err(error)) => {
                    break Ok(self.call.error_frame(|_, detailed| {
                        error.text_after(
                            "An error occurred on the server while streaming results.",
                            detailed,
                        )
                    }));
                }
                Some(Ok(item)) => item,
            };
            match Frame::encode(protocol, true, |out| {
                write::write_stream_item(protocol, out, id, &item)
            }) {
                Ok(frame) => connection.send(frame).await,
                Err(error) => break Err(error),
            };
            sent += 1;
            if sent % TURN == 0 {
                tokio::task::yield_now().await;
            }
        };
        drop(items);
        self.call.answer(last).await;
    }
}

fn void_completion(call: &CallState, id: &str) -> Option<Frame> {
    let protocol = call.connection.connection().protocol();
    Frame::encode(protocol, true, |out| {
        write::write_void(protocol, out, id);
        Ok(())
    })
    .ok()
}

/// Runs a call to its end. It is polled once at once, since most calls are done by then; only one
/// that must wait becomes a task.
pub(super) fn run(call: Rc<CallState>, future: LocalBoxFuture<'static, ()>) {
    let span = call.connection.span().clone();
    let guarded = AssertUnwindSafe(future).catch_unwind();
    let mut task = Box::pin(
        async move {
            if guarded.await.is_err() {
                panicked(&call).await;
            }
        }
        .instrument(span),
    );
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    if task.as_mut().poll(&mut context).is_pending() {
        tokio::task::spawn_local(task);
    }
}

/// Runs a streaming call until it ends or is cancelled; a cancelled stream ends without an error.
pub(super) fn run_stream(call: Rc<CallState>, future: LocalBoxFuture<'static, ()>) {
    let Some(id) = call.invocation_id.clone() else {
        return;
    };
    let span = call.connection.span().clone();
    let (cancel, registration) = futures_util::future::AbortHandle::new_pair();
    call.connection.streams().insert(id.clone(), cancel);
    let guarded = AssertUnwindSafe(future).catch_unwind();
    let cancellable = futures_util::future::Abortable::new(guarded, registration);
    let task = async move {
        match cancellable.await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => panicked(&call).await,
            Err(_cancelled) => call.answer(Ok(void_completion(&call, &id))).await,
        }
        call.connection.streams().remove(&id);
    };
    tokio::task::spawn_local(task.instrument(span));
}

async fn panicked(call: &CallState) {
    error!(method = call.target, "a hub method panicked");
    if !call.answered.get() {
        let frame = call.error_frame(|target, _| {
            format!("An unexpected error occurred invoking '{target}' on the server.")
        });
        call.answer(Ok(frame)).await;
    }
}

//! Client-to-server streams: an argument that arrives item by item.
//!
//! Holds `StreamBufferCapacity` items; when it is full the whole connection is not read until the
//! method takes one (reference 4.6).

use std::{
    cell::RefCell,
    collections::VecDeque,
    pin::Pin,
    rc::{Rc, Weak},
    task::{Context, Poll, Waker},
};

use futures_util::Stream;
use tracing::debug;

use super::{HubError, HubResult, connection::HubConnection};
use crate::signalr::protocol::{Decode, Raw};

/// A stream argument of a hub method. An error item is the last one.
pub struct Upload<T> {
    state: Rc<RefCell<State<T>>>,
    connection: Weak<HubConnection>,
}

struct State<T> {
    items: VecDeque<HubResult<T>>,
    capacity: usize,
    ended: bool,
    abandoned: bool,
    waker: Option<Waker>,
}

/// The receiving end of an upload, whatever its type.
pub(super) trait UploadSink {
    /// Whether the next item must wait.
    fn is_full(&self) -> bool;
    /// An item arrived. False: the stream is over and wants no more.
    fn push(&self, item: Raw<'_>, detailed: bool) -> bool;
    /// The client ended the stream, with an error or without.
    fn end(&self, error: Option<HubError>);
}

impl<T: Decode + 'static> Upload<T> {
    pub(super) fn new(
        capacity: usize,
        connection: Weak<HubConnection>,
    ) -> (Self, Rc<dyn UploadSink>) {
        let state = Rc::new(RefCell::new(State {
            items: VecDeque::new(),
            capacity: capacity.max(1),
            ended: false,
            abandoned: false,
            waker: None,
        }));
        (
            Self {
                state: state.clone(),
                connection,
            },
            state,
        )
    }
}

impl<T: Decode> UploadSink for RefCell<State<T>> {
    fn is_full(&self) -> bool {
        let state = self.borrow();
        !state.abandoned && state.items.len() >= state.capacity
    }

    fn push(&self, item: Raw<'_>, detailed: bool) -> bool {
        let mut state = self.borrow_mut();
        if state.ended || state.abandoned {
            return false;
        }
        let item = T::decode(item).map_err(|error| {
            let mut text = "Failed to bind Stream message.".to_owned();
            if detailed {
                text.push_str(&format!(" JsonException: {error}"));
            }
            HubError::new(text)
        });
        state.ended = item.is_err();
        state.items.push_back(item);
        if let Some(waker) = state.waker.take() {
            waker.wake();
        }
        !state.ended
    }

    fn end(&self, error: Option<HubError>) {
        let mut state = self.borrow_mut();
        if state.ended {
            return;
        }
        state.items.extend(error.map(Err));
        state.ended = true;
        if let Some(waker) = state.waker.take() {
            waker.wake();
        }
    }
}

impl<T> Stream for Upload<T> {
    type Item = HubResult<T>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut state = self.state.borrow_mut();
        let was_full = state.items.len() >= state.capacity;
        match state.items.pop_front() {
            Some(item) => {
                drop(state);
                if was_full && let Some(connection) = self.connection.upgrade() {
                    connection.resume_input();
                }
                Poll::Ready(Some(item))
            }
            None if state.ended => Poll::Ready(None),
            None => {
                state.waker = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }
}

impl<T> Drop for Upload<T> {
    fn drop(&mut self) {
        self.state.borrow_mut().abandoned = true;
        if let Some(connection) = self.connection.upgrade() {
            connection.resume_input();
        }
    }
}

impl HubConnection {
    /// Makes the argument for an upload stream and expects its items.
    pub(super) fn open_upload<T: Decode + 'static>(self: &Rc<Self>, id: &str) -> Upload<T> {
        let capacity = self.endpoint.options().stream_buffer_capacity;
        let (upload, sink) = Upload::new(capacity, Rc::downgrade(self));
        self.uploads.borrow_mut().insert(id.to_owned(), sink);
        upload
    }

    /// The method is done with its uploads.
    pub(super) fn close_uploads(&self, ids: &[String]) {
        let mut uploads = self.uploads.borrow_mut();
        for id in ids {
            uploads.remove(id);
        }
    }

    /// An item for one of the uploads; one for an unknown stream is ignored.
    pub(super) fn upload_item(&self, id: &str, item: Raw<'_>) {
        let upload = self.uploads.borrow().get(id).cloned();
        match upload {
            Some(upload) if upload.push(item, self.detailed_errors()) => {}
            Some(_) => {
                self.uploads.borrow_mut().remove(id);
            }
            None => debug!("an item for an unknown stream was ignored"),
        }
    }
}

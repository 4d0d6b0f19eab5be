//! Tests without other instances: nothing waits, though much gives way to others.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use serde_json::Value;

use crate::signalr::protocol::{Encode, Protocol};

/// More turns than any test needs.
const TURNS: usize = 10_000;

pub trait Now: Future + Sized {
    /// What it comes to at once.
    fn now(self) -> Self::Output {
        let mut future = pin!(self);
        let mut context = Context::from_waker(Waker::noop());
        for _ in 0..TURNS {
            if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
                return output;
            }
        }
        panic!("it waits for something");
    }
}

impl<F: Future> Now for F {}

/// An answer as a client reads it.
pub fn read(answer: &dyn Encode) -> Value {
    let mut json = Vec::new();
    answer
        .encode(Protocol::Json, &mut json)
        .expect("is encoded");
    serde_json::from_slice(&json).expect("is JSON")
}

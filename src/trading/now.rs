//! Tests without other instances: nothing waits.

use futures_util::FutureExt;

pub trait Now: Future + Sized {
    /// What it comes to at once.
    fn now(self) -> Self::Output {
        self.now_or_never().expect("nothing waits")
    }
}

impl<F: Future> Now for F {}

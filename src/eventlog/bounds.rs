//! How much of its history a log keeps in memory.

/// How much a log keeps. The oldest goes first; the newest event is always kept, whatever its size.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Durable events.
    pub events: usize,
    /// Bytes of their bodies.
    pub bytes: usize,
    /// Keys of conflated values.
    pub conflated: usize,
    /// Lossy events.
    pub lossy: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            events: 10_000,
            bytes: 8 * 1024 * 1024,
            conflated: 1_024,
            lossy: 256,
        }
    }
}

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
    /// Lossy events are kept only until the store has sent them on, without a store not at all:
    /// nobody here follows.
    pub lossy_until_stored: bool,
}

impl Bounds {
    pub const DEFAULT: Self = Self {
        events: 10_000,
        bytes: 8 * 1024 * 1024,
        conflated: 1_024,
        lossy: 256,
        lossy_until_stored: false,
    };
}

impl Default for Bounds {
    fn default() -> Self {
        Self::DEFAULT
    }
}

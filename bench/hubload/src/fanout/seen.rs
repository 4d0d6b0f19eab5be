//! Which messages a subscriber has seen.

/// Of one subscriber: what it has seen, as a sliding window of 128 sequence numbers.
#[derive(Clone, Copy, Default, Debug)]
pub struct Seen {
    pub(super) max: u64,
    pub(super) win: u128,
    pub(super) got: u64,
    pub(super) dup: u32,
    pub(super) late: u32,
}

#[derive(PartialEq, Debug)]
pub enum Kind {
    New,
    Late,
    Dup,
    /// older than the window: late, and possibly a duplicate
    Old,
}

impl Seen {
    #[inline]
    pub fn see(&mut self, seq: u64) -> Kind {
        if seq == self.max + 1 {
            self.max = seq;
            self.win = self.win << 1 | 1;
            return Kind::New;
        }
        if seq > self.max {
            let d = seq - self.max;
            self.win = if d < 128 { self.win << d | 1 } else { 1 };
            self.max = seq;
            return Kind::New;
        }
        let d = self.max - seq;
        if d >= 128 {
            return Kind::Old;
        }
        if self.win >> d & 1 == 1 {
            return Kind::Dup;
        }
        self.win |= 1 << d;
        Kind::Late
    }
}

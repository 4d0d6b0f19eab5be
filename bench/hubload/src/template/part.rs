//! The pieces of a compiled template.

#[derive(Debug, Clone, PartialEq)]
pub enum Part {
    Lit(Vec<u8>),
    Seq,
    Ts,
    I(u64),
    Id,
    // MessagePack: fixed widths, so that all lengths are known when compiling
    SeqU64,
    TsU64,
    Seq16,
    Ts16,
    Id10,
}

#[derive(Debug, Clone, Copy, Default)]
pub struct Vars {
    pub seq: u64,
    pub ts: u64,
    pub i: u64,
    pub id: u64,
}

/// Decimal digits of `v`, without going through `fmt`.
#[inline]
pub fn put_dec(out: &mut Vec<u8>, mut v: u64) {
    let mut b = [0u8; 20];
    let mut i = 20;
    loop {
        i -= 1;
        b[i] = b'0' + (v % 10) as u8;
        v /= 10;
        if v == 0 {
            break;
        }
    }
    out.extend_from_slice(&b[i..]);
}

pub fn put_dec_fixed(out: &mut Vec<u8>, mut v: u64, width: usize) {
    let at = out.len();
    out.resize(at + width, b'0');
    for b in out[at..].iter_mut().rev() {
        *b = b'0' + (v % 10) as u8;
        v /= 10;
    }
}

pub fn filler(n: usize) -> Vec<u8> {
    (0..n).map(|i| b'a' + (i % 26) as u8).collect()
}

pub fn push_lit(parts: &mut Vec<Part>, b: &[u8]) {
    if b.is_empty() {
        return;
    }
    if let Some(Part::Lit(l)) = parts.last_mut() {
        l.extend_from_slice(b);
    } else {
        parts.push(Part::Lit(b.to_vec()));
    }
}

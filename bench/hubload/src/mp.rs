//! The little MessagePack that is needed: writing scalars and headers, skipping a value.

pub fn put_array(o: &mut Vec<u8>, n: usize) {
    match n {
        0..=15 => o.push(0x90 | n as u8),
        16..=0xffff => {
            o.push(0xdc);
            o.extend_from_slice(&(n as u16).to_be_bytes());
        }
        _ => {
            o.push(0xdd);
            o.extend_from_slice(&(n as u32).to_be_bytes());
        }
    }
}

pub fn put_map(o: &mut Vec<u8>, n: usize) {
    match n {
        0..=15 => o.push(0x80 | n as u8),
        16..=0xffff => {
            o.push(0xde);
            o.extend_from_slice(&(n as u16).to_be_bytes());
        }
        _ => {
            o.push(0xdf);
            o.extend_from_slice(&(n as u32).to_be_bytes());
        }
    }
}

pub fn put_str_header(o: &mut Vec<u8>, n: usize) {
    match n {
        0..=31 => o.push(0xa0 | n as u8),
        32..=0xff => o.extend_from_slice(&[0xd9, n as u8]),
        0x100..=0xffff => {
            o.push(0xda);
            o.extend_from_slice(&(n as u16).to_be_bytes());
        }
        _ => {
            o.push(0xdb);
            o.extend_from_slice(&(n as u32).to_be_bytes());
        }
    }
}

pub fn put_str(o: &mut Vec<u8>, s: &[u8]) {
    put_str_header(o, s.len());
    o.extend_from_slice(s);
}

pub fn put_bin_header(o: &mut Vec<u8>, n: usize) {
    match n {
        0..=0xff => o.extend_from_slice(&[0xc4, n as u8]),
        0x100..=0xffff => {
            o.push(0xc5);
            o.extend_from_slice(&(n as u16).to_be_bytes());
        }
        _ => {
            o.push(0xc6);
            o.extend_from_slice(&(n as u32).to_be_bytes());
        }
    }
}

pub fn put_uint(o: &mut Vec<u8>, v: u64) {
    match v {
        0..=0x7f => o.push(v as u8),
        0x80..=0xff => o.extend_from_slice(&[0xcc, v as u8]),
        0x100..=0xffff => {
            o.push(0xcd);
            o.extend_from_slice(&(v as u16).to_be_bytes());
        }
        0x1_0000..=0xffff_ffff => {
            o.push(0xce);
            o.extend_from_slice(&(v as u32).to_be_bytes());
        }
        _ => {
            o.push(0xcf);
            o.extend_from_slice(&v.to_be_bytes());
        }
    }
}

pub fn put_int(o: &mut Vec<u8>, v: i64) {
    match v {
        0.. => put_uint(o, v as u64),
        -32..=-1 => o.push(v as u8),
        -128..=-33 => o.extend_from_slice(&[0xd0, v as u8]),
        _ => {
            o.push(0xd3);
            o.extend_from_slice(&v.to_be_bytes());
        }
    }
}

pub fn be(b: &[u8], at: usize, n: usize) -> Option<usize> {
    let s = b.get(at..at + n)?;
    Some(s.iter().fold(0usize, |v, x| v << 8 | *x as usize))
}

/// Number of elements of an array, and where they begin.
pub fn array(b: &[u8], at: usize) -> Option<(usize, usize)> {
    match *b.get(at)? {
        c @ 0x90..=0x9f => Some(((c & 15) as usize, at + 1)),
        0xdc => Some((be(b, at + 1, 2)?, at + 3)),
        0xdd => Some((be(b, at + 1, 4)?, at + 5)),
        _ => None,
    }
}

/// The bytes of a str, and where the next value begins; nil counts as empty.
pub fn str(b: &[u8], at: usize) -> Option<(&[u8], usize)> {
    let (n, s) = match *b.get(at)? {
        0xc0 => (0, at + 1),
        c @ 0xa0..=0xbf => ((c & 31) as usize, at + 1),
        0xd9 => (be(b, at + 1, 1)?, at + 2),
        0xda => (be(b, at + 1, 2)?, at + 3),
        0xdb => (be(b, at + 1, 4)?, at + 5),
        _ => return None,
    };
    Some((b.get(s..s + n)?, s + n))
}

/// A non-negative number (floats are truncated).
pub fn uint(b: &[u8], at: usize) -> Option<u64> {
    Some(match *b.get(at)? {
        c @ 0..=0x7f => c as u64,
        0xcc | 0xd0 => be(b, at + 1, 1)? as u64,
        0xcd | 0xd1 => be(b, at + 1, 2)? as u64,
        0xce | 0xd2 => be(b, at + 1, 4)? as u64,
        0xcf | 0xd3 => be(b, at + 1, 8)? as u64,
        0xca => f32::from_bits(be(b, at + 1, 4)? as u32) as u64,
        0xcb => f64::from_bits(be(b, at + 1, 8)? as u64) as u64,
        _ => return None,
    })
}

/// Where the value that begins at `at` ends.
pub fn skip(b: &[u8], at: usize) -> Option<usize> {
    let mut left = 1usize;
    let mut p = at;
    while left > 0 {
        left -= 1;
        let c = *b.get(p)?;
        p += 1;
        let body = |w: usize, extra: usize| -> Option<usize> {
            let n = be(b, p, w)?;
            Some(p + w + n + extra)
        };
        p = match c {
            0x00..=0x7f | 0xe0..=0xff | 0xc0 | 0xc2 | 0xc3 => p,
            0x80..=0x8f => {
                left += 2 * (c & 15) as usize;
                p
            }
            0x90..=0x9f => {
                left += (c & 15) as usize;
                p
            }
            0xa0..=0xbf => p + (c & 31) as usize,
            0xc4 | 0xd9 => body(1, 0)?,
            0xc5 | 0xda => body(2, 0)?,
            0xc6 | 0xdb => body(4, 0)?,
            0xc7 => body(1, 1)?,
            0xc8 => body(2, 1)?,
            0xc9 => body(4, 1)?,
            0xcc | 0xd0 => p + 1,
            0xcd | 0xd1 | 0xd4 => p + 2,
            0xd5 => p + 3,
            0xca | 0xce | 0xd2 => p + 4,
            0xd6 => p + 5,
            0xcb | 0xcf | 0xd3 => p + 8,
            0xd7 => p + 9,
            0xd8 => p + 17,
            0xdc => {
                left += be(b, p, 2)?;
                p + 2
            }
            0xdd => {
                left += be(b, p, 4)?;
                p + 4
            }
            0xde => {
                left += 2 * be(b, p, 2)?;
                p + 2
            }
            0xdf => {
                left += 2 * be(b, p, 4)?;
                p + 4
            }
            0xc1 => return None,
        };
        if p > b.len() {
            return None;
        }
    }
    Some(p)
}

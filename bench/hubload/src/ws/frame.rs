//! Writing frames and length prefixes.

use super::MAX_RECORD;

/// SignalR's MessagePack length prefix: 7 bits a byte, least significant first, 5 bytes at most.
pub fn varint(b: &[u8]) -> Result<Option<(usize, usize)>, &'static str> {
    let mut v = 0usize;
    for i in 0..5 {
        let Some(&x) = b.get(i) else { return Ok(None) };
        v |= ((x & 0x7f) as usize) << (7 * i);
        if x & 0x80 == 0 {
            if v > MAX_RECORD {
                return Err("record larger than 64 MiB");
            }
            return Ok(Some((v, i + 1)));
        }
    }
    Err("bad length prefix")
}

pub fn put_varint(out: &mut Vec<u8>, mut v: usize) {
    loop {
        let b = (v & 0x7f) as u8;
        v >>= 7;
        if v == 0 {
            out.push(b);
            return;
        }
        out.push(b | 0x80);
    }
}

/// XORs `data` with the mask (byte 0 of the wire order in the low byte); returns the mask
/// rotated for the byte that follows.
#[inline]
pub fn xor_mask(data: &mut [u8], mask: u32) -> u32 {
    let m8 = (mask as u64) | ((mask as u64) << 32);
    let mut it = data.chunks_exact_mut(8);
    for c in &mut it {
        let v = u64::from_le_bytes((&*c).try_into().unwrap()) ^ m8;
        c.copy_from_slice(&v.to_le_bytes());
    }
    let rem = it.into_remainder();
    let mb = mask.to_le_bytes();
    for (i, b) in rem.iter_mut().enumerate() {
        *b ^= mb[i & 3];
    }
    mask.rotate_right(8 * (rem.len() as u32 & 3))
}

/// Appends a frame; `mask` None is a server's frame.
pub fn put_frame(out: &mut Vec<u8>, op: u8, payload: &[u8], mask: Option<u32>) {
    let mbit = if mask.is_some() { 0x80 } else { 0 };
    out.push(0x80 | op);
    match payload.len() {
        n if n < 126 => out.push(mbit | n as u8),
        n if n < 65536 => {
            out.push(mbit | 126);
            out.extend_from_slice(&(n as u16).to_be_bytes());
        }
        n => {
            out.push(mbit | 127);
            out.extend_from_slice(&(n as u64).to_be_bytes());
        }
    }
    match mask {
        Some(m) => {
            out.extend_from_slice(&m.to_le_bytes());
            let at = out.len();
            out.extend_from_slice(payload);
            xor_mask(&mut out[at..], m);
        }
        None => out.extend_from_slice(payload),
    }
}

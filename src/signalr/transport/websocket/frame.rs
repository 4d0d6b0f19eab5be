//! Reads WebSocket frames as they come (RFC 6455 section 5), without waiting for whole ones: a
//! client's messages are a byte stream to us, and a frame may be far larger than what we keep.
//! That is why this is not a library's parser: those hand out whole frames only. Pure.

use actix_ws::CloseCode;

/// What was read.
#[derive(Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// A piece of a text or binary message.
    Data(&'a [u8]),
    /// A ping, to be answered with the same bytes.
    Ping(&'a [u8]),
    /// The client closes, with a code or without.
    Close(Option<u16>),
    /// The client broke the rules; the socket ends with this close code.
    Violation(CloseCode),
}

const CONTINUATION: u8 = 0;
const TEXT: u8 = 1;
const BINARY: u8 = 2;
const CLOSE: u8 = 8;
const PING: u8 = 9;
const PONG: u8 = 10;

/// The state between two reads.
#[derive(Debug, Default)]
pub struct FrameReader {
    header: [u8; 14],
    have: u8,
    frame: Option<FrameHead>,
    /// A message was begun and not finished.
    message: Option<MessageKind>,
    control: Vec<u8>,
    broken: bool,
}

#[derive(Clone, Copy, Debug)]
struct FrameHead {
    fin: bool,
    opcode: u8,
    mask: [u8; 4],
    masked: usize,
    left: u64,
}

#[derive(Debug, Default)]
struct MessageKind {
    is_text: bool,
    /// The bytes of a character that was cut by the end of a piece.
    cut: [u8; 4],
    cut_len: usize,
}

impl FrameReader {
    /// Reads `bytes`, unmasking them in place. After a violation nothing is read any more.
    pub fn read(&mut self, mut bytes: &mut [u8], mut on_event: impl FnMut(Event<'_>)) {
        while !self.broken {
            if self.frame.is_none() {
                let taken = self.read_header(bytes);
                bytes = &mut bytes[taken..];
                match self.parse_header() {
                    Ok(Some(frame)) => self.frame = Some(frame),
                    Ok(None) => return,
                    Err(code) => return self.violation(code, &mut on_event),
                }
            }
            let Some(frame) = &mut self.frame else { return };
            let length = usize::try_from(frame.left)
                .unwrap_or(usize::MAX)
                .min(bytes.len());
            let (piece, rest) = bytes.split_at_mut(length);
            unmask(piece, frame.mask, frame.masked);
            frame.masked = (frame.masked + length) % 4;
            frame.left -= length as u64;
            let frame = *frame;
            bytes = rest;
            if let Err(code) = self.take(frame, piece, &mut on_event) {
                return self.violation(code, &mut on_event);
            }
            if frame.left > 0 {
                return;
            }
            self.frame = None;
        }
    }

    fn violation(&mut self, code: CloseCode, on_event: &mut impl FnMut(Event<'_>)) {
        self.broken = true;
        on_event(Event::Violation(code));
    }

    /// Copies what is missing of the header; says how many bytes that took.
    fn read_header(&mut self, bytes: &[u8]) -> usize {
        let mut taken = 0;
        while usize::from(self.have) < self.header_len() && taken < bytes.len() {
            self.header[usize::from(self.have)] = bytes[taken];
            self.have += 1;
            taken += 1;
        }
        taken
    }

    /// How long the header is, as far as it is known yet.
    fn header_len(&self) -> usize {
        if self.have < 2 {
            return 2;
        }
        let mask = if self.header[1] & 0x80 != 0 { 4 } else { 0 };
        match self.header[1] & 0x7f {
            126 => 4 + mask,
            127 => 10 + mask,
            _ => 2 + mask,
        }
    }

    fn parse_header(&mut self) -> Result<Option<FrameHead>, CloseCode> {
        if usize::from(self.have) < self.header_len() {
            return Ok(None);
        }
        let [first, second] = [self.header[0], self.header[1]];
        let (fin, opcode) = (first & 0x80 != 0, first & 0x0f);
        let (left, mask_at) = match second & 0x7f {
            126 => (
                u64::from(u16::from_be_bytes([self.header[2], self.header[3]])),
                4,
            ),
            127 => {
                let mut length = [0; 8];
                length.copy_from_slice(&self.header[2..10]);
                (u64::from_be_bytes(length), 10)
            }
            short => (u64::from(short), 2),
        };
        let is_control = opcode >= CLOSE;
        let known = matches!(opcode, CONTINUATION | TEXT | BINARY | CLOSE | PING | PONG);
        let in_order = match opcode {
            CONTINUATION => self.message.is_some(),
            TEXT | BINARY => self.message.is_none(),
            _ => true,
        };
        let masked = second & 0x80 != 0;
        let bad_control = is_control && (!fin || left > 125);
        if first & 0x70 != 0
            || !known
            || !in_order
            || !masked
            || bad_control
            || left > i64::MAX as u64
        {
            return Err(CloseCode::Protocol);
        }
        if matches!(opcode, TEXT | BINARY) {
            self.message = Some(MessageKind {
                is_text: opcode == TEXT,
                ..MessageKind::default()
            });
        }
        let mut mask = [0; 4];
        mask.copy_from_slice(&self.header[mask_at..mask_at + 4]);
        self.have = 0;
        Ok(Some(FrameHead {
            fin,
            opcode,
            mask,
            masked: 0,
            left,
        }))
    }

    /// A piece of a frame's payload, perhaps the last.
    fn take(
        &mut self,
        frame: FrameHead,
        piece: &[u8],
        on_event: &mut impl FnMut(Event<'_>),
    ) -> Result<(), CloseCode> {
        if frame.opcode >= CLOSE {
            self.control.extend_from_slice(piece);
            if frame.left == 0 {
                let control = std::mem::take(&mut self.control);
                return finish_control(frame.opcode, &control, on_event);
            }
            return Ok(());
        }
        let ends = frame.fin && frame.left == 0;
        let Some(message) = &mut self.message else {
            return Err(CloseCode::Protocol);
        };
        if message.is_text {
            message.check_utf8(piece, ends)?;
        }
        if !piece.is_empty() {
            on_event(Event::Data(piece));
        }
        if ends {
            self.message = None;
        }
        Ok(())
    }
}

fn finish_control(
    opcode: u8,
    payload: &[u8],
    on_event: &mut impl FnMut(Event<'_>),
) -> Result<(), CloseCode> {
    match (opcode, payload) {
        (PING, payload) => on_event(Event::Ping(payload)),
        (CLOSE, []) => on_event(Event::Close(None)),
        (CLOSE, [_]) => return Err(CloseCode::Protocol),
        (CLOSE, [high, low, ..]) => on_event(Event::Close(Some(u16::from_be_bytes([*high, *low])))),
        _ => {}
    }
    Ok(())
}

impl MessageKind {
    fn check_utf8(&mut self, mut piece: &[u8], ends: bool) -> Result<(), CloseCode> {
        while self.cut_len > 0 && !piece.is_empty() {
            self.cut[self.cut_len] = piece[0];
            self.cut_len += 1;
            piece = &piece[1..];
            match std::str::from_utf8(&self.cut[..self.cut_len]) {
                Ok(_) => self.cut_len = 0,
                Err(error) if error.error_len().is_none() && self.cut_len < 4 => {}
                Err(_) => return Err(CloseCode::Invalid),
            }
        }
        if let Err(error) = std::str::from_utf8(piece) {
            if error.error_len().is_some() {
                return Err(CloseCode::Invalid);
            }
            let cut = &piece[error.valid_up_to()..];
            self.cut[..cut.len()].copy_from_slice(cut);
            self.cut_len = cut.len();
        }
        if ends && self.cut_len > 0 {
            Err(CloseCode::Invalid)
        } else {
            Ok(())
        }
    }
}

/// Eight bytes at a time; `offset` is how far into the mask the piece begins.
fn unmask(piece: &mut [u8], mask: [u8; 4], offset: usize) {
    let turned: [u8; 4] = std::array::from_fn(|at| mask[(at + offset) % 4]);
    let wide = u64::from_ne_bytes(std::array::from_fn(|at| turned[at % 4]));
    let (words, rest) = piece.as_chunks_mut::<8>();
    for word in words {
        *word = (u64::from_ne_bytes(*word) ^ wide).to_ne_bytes();
    }
    for (at, byte) in rest.iter_mut().enumerate() {
        *byte ^= turned[at % 4];
    }
}

/// A close frame as a server sends it.
pub fn close_frame(code: CloseCode) -> [u8; 4] {
    let [high, low] = u16::from(code).to_be_bytes();
    [0x88, 2, high, low]
}

/// Appends the answer to a ping.
pub fn write_pong(payload: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(&[0x8a, payload.len().min(125) as u8]);
    out.extend_from_slice(&payload[..payload.len().min(125)]);
}

#[cfg(test)]
#[path = "frame_tests.rs"]
mod tests;

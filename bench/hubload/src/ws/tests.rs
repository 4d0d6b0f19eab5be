//! Any cut of the bytes gives the same records.

use super::*;

#[derive(Default, Debug, PartialEq, Clone)]
struct Log {
    hs: Vec<Vec<u8>>,
    recs: Vec<Vec<u8>>,
    pings: Vec<Vec<u8>>,
    closes: Vec<(u16, Vec<u8>)>,
}
impl Sink for Log {
    fn handshake(&mut self, r: &[u8]) -> Option<Proto> {
        self.hs.push(r.to_vec());
        None
    }
    fn record(&mut self, r: &[u8]) {
        self.recs.push(r.to_vec());
    }
    fn ping(&mut self, p: &[u8]) {
        self.pings.push(p.to_vec());
    }
    fn close(&mut self, c: u16, r: &[u8]) {
        self.closes.push((c, r.to_vec()));
    }
}

/// A frame with a chosen FIN bit.
fn frame(op: u8, fin: bool, payload: &[u8], mask: Option<u32>) -> Vec<u8> {
    let mut v = Vec::new();
    put_frame(&mut v, op, payload, mask);
    if !fin {
        v[0] &= 0x7f;
    }
    v
}

/// Feeds `bytes` cut in every way into pieces of `step` and checks that the result is the same.
fn all_cuts(proto: Proto, bytes: &[u8]) -> Log {
    let run = |step: usize| {
        let mut w = Wire::new(proto);
        let mut log = Log::default();
        for c in bytes.chunks(step) {
            w.feed(&mut c.to_vec(), &mut log).unwrap();
        }
        log
    };
    let whole = run(bytes.len());
    for step in 1..bytes.len().min(400) {
        assert_eq!(run(step), whole, "step {step}");
    }
    // one cut at every place
    for at in 0..bytes.len().min(3000) {
        let mut w = Wire::new(proto);
        let mut log = Log::default();
        w.feed(&mut bytes[..at].to_vec(), &mut log).unwrap();
        w.feed(&mut bytes[at..].to_vec(), &mut log).unwrap();
        assert_eq!(log, whole, "cut at {at}");
    }
    whole
}

#[test]
fn json_stream_with_everything() {
    for mask in [None, Some(0x1234_abcd)] {
        let mut b = Vec::new();
        // handshake and the first record in one frame
        b.extend(frame(OP_TEXT, true, b"{}\x1e{\"type\":6}\x1e", mask));
        // two records in one frame
        b.extend(frame(OP_TEXT, true, b"{\"a\":1}\x1e{\"a\":2}\x1e", mask));
        // a fragmented message with a ping between its fragments, an empty fragment too
        b.extend(frame(OP_TEXT, false, b"{\"a\":", mask));
        b.extend(frame(OP_PING, true, b"hey", mask));
        b.extend(frame(OP_CONT, false, b"", mask));
        b.extend(frame(OP_CONT, false, b"3}\x1e{\"a\"", mask));
        b.extend(frame(OP_CONT, true, b":4}\x1e", mask));
        // a record over two whole messages
        b.extend(frame(OP_TEXT, true, b"{\"a\"", mask));
        b.extend(frame(OP_TEXT, true, b":5}\x1e", mask));
        b.extend(frame(OP_PING, true, b"", mask));
        b.extend(frame(OP_PONG, true, b"x", mask));
        // 16-bit length
        let mut big = vec![b'y'; 300];
        big.push(RS);
        b.extend(frame(OP_TEXT, true, &big, mask));
        b.extend(frame(OP_CLOSE, true, b"\x03\xe9bye", mask));
        let log = all_cuts(Proto::Json, &b);
        assert_eq!(log.hs, vec![b"{}".to_vec()]);
        let want: Vec<&[u8]> = vec![
            b"{\"type\":6}",
            b"{\"a\":1}",
            b"{\"a\":2}",
            b"{\"a\":3}",
            b"{\"a\":4}",
            b"{\"a\":5}",
            &big[..300],
        ];
        assert_eq!(log.recs, want);
        assert_eq!(log.pings, vec![b"hey".to_vec(), vec![]]);
        assert_eq!(log.closes, vec![(1001, b"bye".to_vec())]);
    }
}

#[test]
fn msgpack_stream() {
    let rec = |n: usize| {
        let mut v = Vec::new();
        put_varint(&mut v, n);
        v.extend((0..n).map(|i| i as u8));
        v
    };
    let mut b = frame(OP_BIN, true, b"{}\x1e", None);
    let mut one = rec(3);
    one.extend(rec(0));
    one.extend(rec(200));
    b.extend(frame(OP_BIN, true, &one, None));
    let long = rec(300);
    b.extend(frame(OP_BIN, false, &long[..1], None));
    b.extend(frame(OP_CONT, false, &long[1..150], None));
    b.extend(frame(OP_PING, true, b"p", None));
    b.extend(frame(OP_CONT, true, &long[150..], None));
    let log = all_cuts(Proto::Msgpack, &b);
    assert_eq!(
        log.recs.iter().map(Vec::len).collect::<Vec<_>>(),
        vec![3, 0, 200, 300]
    );
    assert_eq!(log.recs[3], (0..300).map(|i| i as u8).collect::<Vec<_>>());
    assert_eq!(log.pings.len(), 1);
}

#[test]
fn large_frame_64bit_length() {
    let mut pay = vec![b'z'; 70_000];
    pay.push(RS);
    let mut b = frame(OP_TEXT, true, b"{}\x1e", None);
    b.extend(frame(OP_TEXT, true, &pay, Some(7)));
    let mut w = Wire::new(Proto::Json);
    let mut log = Log::default();
    for c in b.chunks(4096) {
        w.feed(&mut c.to_vec(), &mut log).unwrap();
    }
    assert_eq!(log.recs[0], &pay[..70_000]);
    assert!(w.carry.capacity() <= 64 << 10);
}

#[test]
fn refuses_nonsense() {
    let bad: Vec<Vec<u8>> = vec![
        vec![0xc1, 0x00],            // RSV1 (compressed)
        vec![0x80, 0x01, b'x'],      // continuation without a start
        vec![0x83, 0x00],            // unknown opcode
        vec![0x09, 0x00],            // fragmented ping
        vec![0x89, 126, 0x01, 0x00], // long ping
        vec![0x82, 127, 0xff, 0, 0, 0, 0, 0, 0, 0],
    ];
    for b in bad {
        let mut w = Wire::new(Proto::Json);
        assert!(
            w.feed(&mut b.clone(), &mut Log::default()).is_err(),
            "{b:x?}"
        );
    }
    let mut w = Wire::new(Proto::Json);
    let mut b = frame(OP_TEXT, false, b"a", None);
    b.extend(frame(OP_TEXT, true, b"b", None));
    assert!(w.feed(&mut b, &mut Log::default()).is_err());
}

#[test]
fn mask_rotation() {
    let m = 0x0403_0201;
    for n in 0..40usize {
        for cut in 0..=n {
            let mut a: Vec<u8> = (0..n as u8).collect();
            let mut b = a.clone();
            xor_mask(&mut a, m);
            let m2 = xor_mask(&mut b[..cut], m);
            xor_mask(&mut b[cut..], m2);
            assert_eq!(a, b);
            for (i, x) in a.iter().enumerate() {
                assert_eq!(*x, i as u8 ^ (i % 4 + 1) as u8);
            }
        }
    }
}

#[test]
fn rfc_examples() {
    assert_eq!(
        accept_key("dGhlIHNhbXBsZSBub25jZQ=="),
        "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
    );
    let mut v = Vec::new();
    put_frame(
        &mut v,
        OP_TEXT,
        b"Hello",
        Some(u32::from_le_bytes([0x37, 0xfa, 0x21, 0x3d])),
    );
    assert_eq!(
        v,
        [
            0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58
        ]
    );
    assert_eq!(base64(b"a"), "YQ==");
    assert_eq!(base64(b"ab"), "YWI=");
    assert_eq!(base64(b"abc"), "YWJj");
}

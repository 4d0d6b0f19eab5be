//! Frames as clients send them, whole, cut and broken.

use super::*;
use proptest::prelude::*;

fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mask = [1, 2, 3, 4];
    let mut out = vec![first];
    match payload.len() {
        length @ 0..=125 => out.push(0x80 | length as u8),
        length => {
            out.push(0x80 | 126);
            out.extend_from_slice(&(length as u16).to_be_bytes());
        }
    }
    out.extend_from_slice(&mask);
    out.extend(
        payload
            .iter()
            .enumerate()
            .map(|(at, byte)| byte ^ mask[at % 4]),
    );
    out
}

/// What came of the bytes: all data joined, and the other events in order.
fn read(pieces: &mut [Vec<u8>]) -> (Vec<u8>, Vec<String>) {
    let (mut reader, mut data, mut others) = (FrameReader::default(), Vec::new(), Vec::new());
    for piece in pieces {
        reader.read(piece, |event| match event {
            Event::Data(bytes) => data.extend_from_slice(bytes),
            other => others.push(format!("{other:?}")),
        });
    }
    (data, others)
}

#[test]
fn messages_pings_and_the_end_are_read() {
    let mut bytes = frame(0x01, "grü".as_bytes());
    bytes.extend(frame(0x89, b"beat"));
    bytes.extend(frame(0x80, b"n"));
    bytes.extend(frame(0x82, &[0xff; 300]));
    bytes.extend(frame(0x88, &1000_u16.to_be_bytes()));
    let (data, others) = read(&mut [bytes]);
    assert_eq!(&data[..5], "grün".as_bytes());
    assert_eq!(data.len(), 305);
    assert_eq!(others, ["Ping([98, 101, 97, 116])", "Close(Some(1000))"]);
}

#[test]
fn broken_rules_end_the_socket() {
    let unmasked = vec![0x81, 1, b'x'];
    for (bytes, code) in [
        (unmasked, CloseCode::Protocol),
        (frame(0xc1, b"x"), CloseCode::Protocol),
        (frame(0x83, b"x"), CloseCode::Protocol),
        (frame(0x80, b"x"), CloseCode::Protocol),
        (frame(0x09, b"x"), CloseCode::Protocol),
        (frame(0x88, b"x"), CloseCode::Protocol),
        (frame(0x89, &[0; 126]), CloseCode::Protocol),
        (frame(0x81, &[0xff]), CloseCode::Invalid),
        (frame(0x81, &[0xc3]), CloseCode::Invalid),
    ] {
        let (_, others) = read(&mut [bytes.clone()]);
        assert_eq!(others, [format!("Violation({code:?})")], "{bytes:?}");
    }
}

proptest! {
    #[test]
    fn any_split_of_the_bytes_reads_the_same(
        texts in proptest::collection::vec("[a-zé😀]{0,80}", 1..6),
        cuts in proptest::collection::vec(1_usize..40, 0..60),
    ) {
        let mut bytes: Vec<u8> = texts.iter().flat_map(|text| frame(0x81, text.as_bytes())).collect();
        bytes.extend(frame(0x89, b"p"));
        let whole = read(&mut [bytes.clone()]);
        let mut pieces = Vec::new();
        for cut in cuts {
            let rest = bytes.split_off(cut.min(bytes.len()));
            pieces.push(std::mem::replace(&mut bytes, rest));
        }
        pieces.push(bytes);
        prop_assert_eq!(read(&mut pieces), whole);
    }

    #[test]
    fn no_bytes_make_it_panic(mut bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        FrameReader::default().read(&mut bytes, |_| {});
    }
}

//! Tests of the payloads: against recordings of the reference, by hand, and with any bytes.

mod checks;
mod odd;
mod recorded;
mod vectors;

use bytes::Bytes;
use proptest::prelude::*;

use super as wire;

fn bytes(hex: &str) -> Bytes {
    assert!(hex.len().is_multiple_of(2), "half a byte in {hex}");
    (0..hex.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).expect("hexadecimal"))
        .collect()
}

#[test]
fn what_a_fuzzer_found_stays_found() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/backplane");
    let mut count = 0;
    for entry in std::fs::read_dir(&folder).expect("the corpus is part of the repository") {
        checks::payload(&std::fs::read(entry.unwrap().path()).unwrap());
        count += 1;
    }
    assert!(count > 0, "{} is empty", folder.display());
}

proptest! {
    #[test]
    fn no_bytes_make_a_reader_panic(data in proptest::collection::vec(any::<u8>(), 0..200)) {
        checks::payload(&data);
    }

    /// Nearly right payloads get further than random ones.
    #[test]
    fn no_damage_makes_a_reader_panic(
        which in any::<prop::sample::Index>(),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
        cut in any::<prop::sample::Index>(),
    ) {
        let payloads = recorded::payloads();
        let mut damaged = which.get(&payloads).to_vec();
        let position = at.index(damaged.len());
        damaged[position] = byte;
        damaged.truncate(cut.index(damaged.len()) + 1);
        checks::payload(&damaged);
    }
}

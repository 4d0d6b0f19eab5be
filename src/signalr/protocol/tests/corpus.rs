//! Replays the fuzz corpus, so that what a fuzzer once found stays found.

use std::{fs, path::Path};

use super::{checks, negotiate_checks};

fn replay(target: &str, check: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fuzz/corpus")
        .join(target);
    let mut count = 0;
    for entry in fs::read_dir(&folder).expect("the corpus is part of the repository") {
        check(&fs::read(entry.unwrap().path()).unwrap());
        count += 1;
    }
    assert!(count > 0, "{} is empty", folder.display());
}

#[test]
fn json() {
    replay("json", checks::json);
}

#[test]
fn messagepack() {
    replay("messagepack", checks::messagepack);
}

#[test]
fn framing() {
    replay("framing", checks::framing);
}

#[test]
fn handshake() {
    replay("handshake", checks::handshake);
}

#[test]
fn negotiate_query() {
    replay("negotiate_query", negotiate_checks::negotiate_query);
}

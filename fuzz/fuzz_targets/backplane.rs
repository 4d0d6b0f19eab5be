//! Any bytes as a payload from another instance.

#![no_main]

use libfuzzer_sys::fuzz_target;
use managing_api::signalr::backplane::wire;

#[path = "../../src/signalr/backplane/wire/tests/checks.rs"]
mod checks;

fuzz_target!(|data: &[u8]| checks::payload(data));

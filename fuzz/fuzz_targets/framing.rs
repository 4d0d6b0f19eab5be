//! Any bytes as a stream, cut anywhere.

#![no_main]

use libfuzzer_sys::fuzz_target;
use managing_api::signalr::protocol;

#[allow(dead_code)]
#[path = "../../src/signalr/protocol/tests/checks.rs"]
mod checks;

fuzz_target!(|data: &[u8]| checks::framing(data));

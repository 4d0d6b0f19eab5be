//! Any bytes as the query of a negotiate request.

#![no_main]

use libfuzzer_sys::fuzz_target;
use managing_api::signalr;

#[path = "../../src/signalr/protocol/tests/negotiate_checks.rs"]
mod negotiate_checks;

fuzz_target!(|data: &[u8]| negotiate_checks::negotiate_query(data));

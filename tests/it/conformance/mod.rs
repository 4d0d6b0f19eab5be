//! Runs the recorded scenarios of `tests/conformance` against a server: what ASP.NET Core answered to
//! the same bytes, step by step. The format is described in `tests/conformance/README.md`.
//!
//! One server child per profile; profiles run side by side, and so do scenarios within one, because
//! most of them wait for timers. Scenarios that send to every connection of the hub run alone.

mod compare;
mod connection;
mod hex;
mod names;
mod report;
mod runner;
mod scenario;
mod suite;

use crate::support::turn;

/// `CONFORMANCE_ONLY=text` runs only scenarios whose `profile/topic/name` contains the text,
/// `CONFORMANCE_SERVER='command'` tests another server, `CONFORMANCE_URL=127.0.0.1:5100` together with
/// `CONFORMANCE_PROFILE=default` one that is already running.
#[test]
fn the_server_answers_as_recorded() {
    let _turn = turn::beside_others();
    let recorded = suite::load("scenarios");
    report::assert_passed(suite::run(&recorded));
}

/// Where the reference server is defective ours does better; these say what.
/// They fail against the reference, so a run against another server leaves them out.
#[test]
fn the_server_does_better_where_the_reference_is_defective() {
    if suite::tests_another_server() {
        return;
    }
    let _turn = turn::beside_others();
    report::assert_passed(suite::run(&suite::load("ours")));
}

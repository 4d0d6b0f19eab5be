//! `managing-api simulate` against a server.

use serde_json::json;

use super::*;
use crate::program::process::{run, run_and_read_one_line};

#[tokio::test]
async fn a_simulated_desk_is_seen_and_obeys() {
    let program = Program::start(&DEVELOPMENT);
    let mut viewer = connect(&program, "bothub", "ann").await;
    viewer.invoke("SubscribeBots", json!([{}])).await;
    let url = format!("http://127.0.0.1:{}", program.port());
    let desk = std::thread::spawn(move || {
        let arguments = ["simulate", "--url", &url, "--bots", "2", "--duration", "4"];
        run(&arguments, &[])
    });
    let pnl = viewer.next_call("PnlUpdated").await;
    let bot = json!([{"botId": pnl[0]["botId"]}]);
    let outcome = viewer.invoke("PauseBot", bot.clone()).await;
    assert_eq!(outcome["ok"], true, "{outcome}");
    assert_eq!(viewer.invoke("GetBot", bot).await["state"], "paused");
    let mut backtests = connect(&program, "backtesthub", "ann").await;
    let list = backtests.invoke("ListBacktests", json!([{}])).await;
    assert_eq!(list["items"].as_array().map(Vec::len), Some(2));
    let (said, succeeded) = desk.join().expect("the desk ends");
    assert!(succeeded && said.contains("pause"), "{said}");
}

#[tokio::test]
async fn a_desk_that_nobody_listens_to_any_more_ends_quietly() {
    let program = Program::start(&DEVELOPMENT);
    let url = format!("http://127.0.0.1:{}", program.port());
    let arguments = ["simulate", "--url", &url, "--bots", "2", "--interval", "50"];
    let (said, complaints, succeeded) = run_and_read_one_line(&arguments);
    assert!(said.contains("A desk of 2 bots"), "{said}");
    assert!(succeeded && complaints.is_empty(), "{complaints}");
}

//! The worker for backtests: runs a bundle of them, then the next.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::mpsc::UnboundedReceiver;

use super::backtest::Backtest;
use super::client::{Client, ServerCall};
use super::socket::{Address, NoConnection};
use super::{Simulate, say};
use crate::cli::Outcome;

const HUB: &str = "backtesthub";
const STEP: Duration = Duration::from_millis(250);
/// Days that pass in a step.
const DAYS: usize = 5;
/// Between two tries to connect, and between two bundles.
const PAUSE: Duration = Duration::from_secs(1);

pub async fn work(desk: &Simulate, address: &Address) -> Outcome {
    if desk.backtests == 0 {
        // Nothing to do, for ever.
        return std::future::pending().await;
    }
    let mut round = 1;
    let mut bundle = new_bundle(desk, round);
    loop {
        match Client::connect(address, HUB).await {
            Err(NoConnection::Refused(reason)) => return Err(reason),
            Err(NoConnection::Unreachable(reason)) => {
                say(format_args!(
                    "⏳ {HUB} cannot be reached ({reason}), trying again"
                ));
            }
            Ok((client, mut questions)) => loop {
                let worked = run_bundle(&client, &mut questions, &mut bundle).await;
                if let Err(reason) = worked {
                    say(format_args!("🔌 {HUB}: {reason}"));
                    break;
                }
                tokio::time::sleep(PAUSE).await;
                round += 1;
                bundle = new_bundle(desk, round);
            },
        }
        tokio::time::sleep(PAUSE).await;
        // What a server that was restarted does not know any more begins anew.
        bundle = new_bundle(desk, round);
    }
}

fn new_bundle(desk: &Simulate, round: usize) -> Vec<Backtest> {
    (1..=desk.backtests)
        .map(|number| Backtest::new(desk.seed, round, number))
        .collect()
}

/// Runs all backtests of a bundle side by side. Fails when the connection does.
async fn run_bundle(
    client: &Client,
    questions: &mut UnboundedReceiver<ServerCall>,
    bundle: &mut [Backtest],
) -> Result<(), String> {
    let ids: Vec<&str> = bundle.iter().map(|it| it.id.as_str()).collect();
    client
        .invoke("RegisterBacktests", json!({"backtestIds": ids}))
        .await?;
    for backtest in bundle.iter() {
        report(client, backtest, backtest.introduction()).await?;
    }
    say(format_args!("🧪 {} backtests are queued", bundle.len()));
    let mut steps = tokio::time::interval(STEP);
    while bundle.iter().any(|backtest| !backtest.is_over) {
        tokio::select! {
            question = questions.recv() => match question {
                None => return Err("the connection is gone".to_owned()),
                Some(question) => cancel(client, bundle, question),
            },
            _ = steps.tick() => {
                for backtest in bundle.iter_mut().filter(|backtest| !backtest.is_over) {
                    let events = backtest.step(DAYS);
                    report(client, backtest, events).await?;
                    if backtest.is_over {
                        say(format_args!("🏁 {}", backtest.result()));
                    }
                }
            }
        }
    }
    Ok(())
}

async fn report(client: &Client, backtest: &Backtest, events: Vec<Value>) -> Result<(), String> {
    let report = json!({"backtestId": backtest.id, "events": events});
    client.invoke("ReportBacktestEvents", report).await?;
    Ok(())
}

fn cancel(client: &Client, bundle: &mut [Backtest], question: ServerCall) {
    let Some(id) = &question.id else { return };
    let asked: Value = question.argument().unwrap_or_default();
    let backtest_id = asked["backtestId"].as_str().unwrap_or_default();
    let found = bundle
        .iter_mut()
        .find(|backtest| backtest.id == backtest_id);
    let answer = match found {
        Some(backtest) if asked["command"] == "cancel" => {
            backtest.is_over = true;
            say(format_args!("🛑 {backtest_id} is cancelled"));
            json!({"ok": true})
        }
        _ => json!({"ok": false, "code": "unknown_backtest", "message": "not on this desk"}),
    };
    client.answer(id, &answer);
}

//! The worker for all bots: registers them, reports for them, carries commands out.

use std::time::Duration;

use futures_util::StreamExt;
use serde_json::{Value, json};

use super::bot::{Bot, Done};
use super::client::{Client, ServerCall};
use super::socket::{Address, NoConnection};
use super::{Simulate, say};
use crate::cli::Outcome;

const HUB: &str = "bothub";
/// Reports under way at a time.
const IN_FLIGHT: usize = 64;
/// Parts of the desk that report one after the other within an interval.
const PARTS: u32 = 20;
/// Between two tries to connect.
const RETRY: Duration = Duration::from_secs(1);

pub async fn work(desk: &Simulate, address: &Address) -> Outcome {
    if desk.bots == 0 {
        // Nothing to do, for ever.
        return std::future::pending().await;
    }
    // Trades of one desk are not mistaken for those of an earlier one.
    let run = format!("{:x}", chrono::Utc::now().timestamp());
    let mut bots: Vec<Bot> = (1..=desk.bots)
        .map(|number| Bot::new(desk.seed, number, &run))
        .collect();
    loop {
        match Client::connect(address, HUB).await {
            Err(NoConnection::Refused(reason)) => return Err(reason),
            Err(NoConnection::Unreachable(reason)) => {
                say(format_args!(
                    "⏳ {HUB} cannot be reached ({reason}), trying again"
                ));
            }
            Ok((client, mut questions)) => {
                let worked = work_connected(desk, &client, &mut questions, &mut bots).await;
                say(format_args!("🔌 {HUB}: {}", worked.unwrap_or_else(|it| it)));
            }
        }
        tokio::time::sleep(RETRY).await;
    }
}

/// The bots' ids.
pub fn ids(desk: &Simulate) -> Vec<String> {
    let bots = (1..=desk.bots).map(|number| Bot::new(desk.seed, number, ""));
    bots.map(|bot| bot.id).collect()
}

/// Works until the connection is gone.
async fn work_connected(
    desk: &Simulate,
    client: &Client,
    questions: &mut tokio::sync::mpsc::UnboundedReceiver<ServerCall>,
    bots: &mut [Bot],
) -> Result<String, String> {
    let ids: Vec<&str> = bots.iter().map(|bot| bot.id.as_str()).collect();
    let heartbeat = (2 * desk.interval().as_millis() as u64).clamp(1_000, 60_000);
    let registration = json!({"botIds": ids, "heartbeatMs": heartbeat});
    client.invoke("RegisterBots", registration).await?;
    say(format_args!(
        "🤖 {} bots are registered and trade",
        bots.len()
    ));
    let introductions = bots.iter().map(|bot| (bot.id.clone(), bot.introduction()));
    report_all(client, introductions.collect()).await?;
    let mut steps = tokio::time::interval(desk.interval() / PARTS);
    let mut parts = (0..PARTS as usize).cycle();
    steps.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    loop {
        tokio::select! {
            question = questions.recv() => match question {
                None => return Ok("the connection is gone, registering again".to_owned()),
                Some(question) => execute(client, bots, question).await?,
            },
            _ = steps.tick() => {
                let part = parts.next().unwrap_or_default();
                let part = bots.iter_mut().skip(part).step_by(PARTS as usize);
                let reports = part.map(|bot| (bot.id.clone(), bot.step()));
                let reports: Vec<_> = reports.collect();
                tell_trades(&reports);
                report_all(client, reports).await?;
            }
        }
    }
}

async fn report_all(client: &Client, reports: Vec<(String, Vec<Value>)>) -> Result<(), String> {
    let reports = reports.into_iter().map(|(id, events)| async move {
        let report = json!({"botId": id, "events": events});
        client.invoke("ReportBotEvents", report).await.map(|_| ())
    });
    let mut answers = futures_util::stream::iter(reports).buffer_unordered(IN_FLIGHT);
    while let Some(answer) = answers.next().await {
        answer?;
    }
    Ok(())
}

async fn execute(client: &Client, bots: &mut [Bot], question: ServerCall) -> Result<(), String> {
    let Some(id) = (question.id.as_ref()).filter(|_| question.target == "ExecuteCommand") else {
        return Ok(());
    };
    let asked: Value = question.argument().unwrap_or_default();
    let arguments = &asked["arguments"];
    let command = asked["command"].as_str().unwrap_or_default();
    let bot_id = asked["botId"].as_str().unwrap_or_default();
    let Some(bot) = bots.iter_mut().find(|bot| bot.id == bot_id) else {
        let answer = json!({"ok": false, "code": "unknown_bot", "message": "not on this desk"});
        client.answer(id, &answer);
        return Ok(());
    };
    let Done { answer, events } = bot.execute(command, arguments);
    say(format_args!(
        "🎮 {bot_id}: {command} {arguments} → {answer}"
    ));
    // Told first, so that whoever asked sees it done when the answer is there.
    report_all(client, vec![(bot_id.to_owned(), events)]).await?;
    client.answer(id, &answer);
    Ok(())
}

/// A few lines are pleasant to read, thousands are not.
fn tell_trades(reports: &[(String, Vec<Value>)]) {
    let trades = reports.iter().flat_map(|(id, events)| {
        let trades = events.iter().filter(|event| event["type"] == "TradeEvent");
        trades.map(move |trade| (id, trade))
    });
    for (id, trade) in trades.take(5) {
        let (side, symbol) = (&trade["side"], &trade["symbol"]);
        let (side, symbol) = (side.as_str().unwrap_or(""), symbol.as_str().unwrap_or(""));
        match trade["realizedPnl"].as_f64() {
            Some(profit) => say(format_args!("💰 {id} closes {symbol}: {profit:+.2} USDT")),
            None => say(format_args!(
                "📈 {id} {side}s {symbol} at {}",
                trade["price"]
            )),
        }
    }
}

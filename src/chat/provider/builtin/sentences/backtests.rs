//! Sentences about backtests: progress and results.

use serde_json::Value;

use super::LIST_LIMIT;
use super::general::tally;
use super::words::{are, counted, duration, grouped, more, number, text};

pub fn running_backtests(all: &[Value]) -> String {
    let of = |state: &str| {
        all.iter()
            .filter(|it| text(it, "state") == Some(state))
            .collect()
    };
    let (running, queued): (Vec<&Value>, Vec<&Value>) = (of("running"), of("queued"));
    if running.is_empty() {
        return match (all.is_empty(), queued.len()) {
            (true, _) => backtests(all),
            (_, 0) => format!("No backtest is running. Known here: {}.", tally(all)),
            (_, waiting) => format!(
                "No backtest is running; {} queued.",
                are(waiting, "backtest")
            ),
        };
    }
    let mut lines = vec![format!("{} running:", are(running.len(), "backtest"))];
    lines.extend(
        running
            .iter()
            .take(LIST_LIMIT)
            .map(|it| format!("- {}", backtest_line(it))),
    );
    lines.extend(more(running.len()));
    if !queued.is_empty() {
        lines.push(format!(
            "{} waiting in the queue.",
            are(queued.len(), "more backtest")
        ));
    }
    lines.join("\n")
}

pub fn backtests(all: &[Value]) -> String {
    if all.is_empty() {
        return "No backtest is known here yet.".to_owned();
    }
    let mut lines = vec![format!(
        "There are {}: {}.",
        counted(all.len(), "backtest"),
        tally(all)
    )];
    lines.extend(
        all.iter()
            .take(LIST_LIMIT)
            .map(|it| format!("- {}", backtest_line(it))),
    );
    lines.extend(more(all.len()));
    lines.join("\n")
}

pub fn backtest(it: &Value) -> String {
    let mut said = format!("Backtest {}.", backtest_line(it));
    if let Some(count) = it["tradeCount"].as_u64() {
        said += &format!(" It made {} so far.", counted(count as usize, "trade"));
    }
    let statistics = it["statistics"].as_object().into_iter().flatten();
    let figures =
        statistics.filter_map(|(name, value)| Some(format!("{name} {}", value.as_f64()?)));
    let figures: Vec<_> = figures.take(8).collect();
    if !figures.is_empty() {
        said += &format!(" Its statistics: {}.", figures.join(", "));
    }
    said
}

fn backtest_line(it: &Value) -> String {
    let id = text(it, "backtestId").unwrap_or("without id");
    let state = text(it, "state").unwrap_or("unknown");
    let progress = &it["progress"];
    let mut facts = vec![format!("{id} is {state}")];
    if state == "running" {
        facts.extend(number(progress, "pct").map(|pct| format!("{:.0} % done", pct * 100.0)));
        facts.extend(number(progress, "etaMs").map(|ms| format!("about {} to go", duration(ms))));
    }
    facts.extend(number(progress, "equity").map(|equity| format!("equity {}", grouped(equity))));
    facts.extend(text(&it["error"], "message").map(|why| format!("because {why}")));
    facts.join(", ")
}

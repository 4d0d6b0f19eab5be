//! What the assistant says of itself and of everything at once.

use serde_json::Value;

use super::words::{counted, join, text};

/// The largest number it counts to.
const COUNT_LIMIT: u32 = 2_000;

pub fn help() -> String {
    "I am the built-in assistant of managing-api. I am no language model: I need no network and no \
     key, and I answer from the live bots and backtests that this server knows. You can ask me for \
     example:\n\
     - How much profit did my bots make?\n\
     - Which bot is the best, which is the worst?\n\
     - Why did bot X stop? How is bot X doing?\n\
     - Which backtests are running? How is backtest Y?\n\
     - Count to 200 (to watch an answer being streamed, resumed and cancelled)\n\
     For anything else, configure a model provider (Llm:Providers) and choose one of its models."
        .to_owned()
}

pub fn greeting(bots: &[Value], backtests: &[Value]) -> String {
    format!(
        "Hello! I am the built-in assistant. {} Ask me about profits, a bot or a backtest.",
        overview(bots, backtests)
    )
}

pub fn unclear(bots: &[Value], backtests: &[Value]) -> String {
    format!(
        "I am only the built-in assistant and did not understand that; I know about bots and \
         backtests. {} Say \"help\" to see what you can ask.",
        overview(bots, backtests)
    )
}

pub fn may_not_read() -> String {
    "I am the built-in assistant and answer about bots and backtests, but your account may not read \
     them: it needs the role viewer."
        .to_owned()
}

pub fn count(to: u32) -> String {
    let numbers: Vec<_> = (1..=to.min(COUNT_LIMIT)).map(|n| n.to_string()).collect();
    match to > COUNT_LIMIT {
        true => format!("{} and so on.", numbers.join(" ")),
        false => numbers.join(" "),
    }
}

fn overview(bots: &[Value], backtests: &[Value]) -> String {
    if bots.is_empty() && backtests.is_empty() {
        return "Right now no bots and no backtests are known here.".to_owned();
    }
    let running = |all: &[Value]| {
        all.iter()
            .filter(|it| text(it, "state") == Some("running"))
            .count()
    };
    format!(
        "Right now I see {} ({} running) and {} ({} running).",
        counted(bots.len(), "bot"),
        running(bots),
        counted(backtests.len(), "backtest"),
        running(backtests)
    )
}

pub fn states(all: &[Value]) -> String {
    format!("Known here: {}.", tally(all))
}

/// `3 running, 1 stopped`
pub fn tally(all: &[Value]) -> String {
    let mut counts: Vec<(&str, usize)> = Vec::new();
    for state in all.iter().filter_map(|it| text(it, "state")) {
        match counts.iter_mut().find(|(known, _)| *known == state) {
            Some((_, count)) => *count += 1,
            None => counts.push((state, 1)),
        }
    }
    let counts: Vec<_> = counts
        .iter()
        .map(|(state, count)| format!("{count} {state}"))
        .collect();
    join(&counts)
}

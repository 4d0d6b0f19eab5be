//! Sentences about bots: profits, states, reasons.

use serde_json::Value;

use super::LIST_LIMIT;
use super::general::states;
use super::words::{are, counted, duration, join, length, money, more, number, text};

pub fn no_bot(bots: &[Value]) -> String {
    if bots.is_empty() {
        return "There is no such bot; at the moment no bot is known here at all.".to_owned();
    }
    let names: Vec<_> = bots.iter().take(LIST_LIMIT).map(label).collect();
    format!("There is no such bot. I know {}.", join(&names))
}

pub fn bots(bots: &[Value]) -> String {
    if bots.is_empty() {
        return "No bot is known here yet. A bot appears as soon as its worker registers it."
            .to_owned();
    }
    let mut lines = vec![format!("There are {}:", counted(bots.len(), "bot"))];
    lines.extend(
        bots.iter()
            .take(LIST_LIMIT)
            .map(|bot| format!("- {}", bot_line(bot))),
    );
    lines.extend(more(bots.len()));
    lines.join("\n")
}

pub fn profits(all: &[Value]) -> String {
    let with_profit: Vec<_> = all.iter().filter(|bot| total(bot).is_some()).collect();
    if with_profit.is_empty() {
        return match all.is_empty() {
            true => bots(all),
            false => format!(
                "{} known here, but none has reported a profit yet.",
                are(all.len(), "bot")
            ),
        };
    }
    let mut lines = vec![format!(
        "Together {} made {}.",
        counted(with_profit.len(), "bot"),
        join(&sums(&with_profit))
    )];
    if with_profit.len() > 1
        && let (Some(best), Some(worst)) = (extreme_of(all, true), extreme_of(all, false))
    {
        let (best, worst) = (with_result(best), with_result(worst));
        lines.push(format!("The best is {best}, the worst {worst}."));
    }
    let list = with_profit.iter().take(LIST_LIMIT);
    lines.extend(list.map(|bot| format!("- {}", bot_line(bot))));
    lines.extend(more(with_profit.len()));
    lines.join("\n")
}

pub fn extreme(all: &[Value], best: bool) -> String {
    let which = if best { "best" } else { "worst" };
    match extreme_of(all, best) {
        Some(bot) => {
            let state = text(bot, "state").unwrap_or("unknown");
            format!("Your {which} bot is {}; it is {state}.", with_result(bot))
        }
        None => profits(all),
    }
}

pub fn stopped(all: &[Value]) -> String {
    const NOT_WORKING: [&str; 5] = ["stopped", "stopping", "paused", "error", "stale"];
    let idle = |bot: &&Value| text(bot, "state").is_some_and(|state| NOT_WORKING.contains(&state));
    let idle: Vec<_> = all.iter().filter(idle).collect();
    match idle.as_slice() {
        [] if all.is_empty() => bots(all),
        [] => format!("No bot has stopped. {}", states(all)),
        [bot] => why_stopped(bot),
        many => {
            let lines = many
                .iter()
                .take(LIST_LIMIT)
                .map(|bot| format!("- {}", why_stopped(bot)));
            let lines: Vec<_> = lines.chain(more(many.len())).collect();
            format!(
                "{} not running:\n{}",
                are(many.len(), "bot"),
                lines.join("\n")
            )
        }
    }
}

pub fn why_stopped(bot: &Value) -> String {
    let name = label(bot);
    let state = text(bot, "state").unwrap_or("unknown");
    if matches!(state, "running" | "starting" | "created") {
        return format!(
            "{name} has not stopped: it is {state}.{}",
            result_sentence(bot)
        );
    }
    let mut said = match (state, text(bot, "reason")) {
        (_, Some(reason)) => format!("{name} is {state}. The reason given: {reason}."),
        ("stale", None) => format!(
            "{name} is stale: its worker has given no sign of life{}, so it may be gone or cut off.",
            ago(bot)
                .map(|ago| format!(" for {ago}"))
                .unwrap_or_default()
        ),
        _ => format!("{name} is {state}; its worker gave no reason."),
    };
    if let Some(before) = text(bot, "lastState").filter(|before| *before != state) {
        said += &format!(" Before that it was {before}.");
    }
    said + &result_sentence(bot)
}

pub fn bot(bot: &Value) -> String {
    let state = text(bot, "state").unwrap_or("unknown");
    let mut said = format!("{} is {state}", label(bot));
    if let Some(reason) = text(bot, "reason") {
        said += &format!(" ({reason})");
    }
    if let Some(ago) = ago(bot) {
        said += &format!(", last seen {ago} ago");
    }
    said += ".";
    said += &result_sentence(bot);
    let pnl = &bot["pnl"];
    if let (Some(realized), Some(open)) = (number(pnl, "realized"), number(pnl, "unrealized")) {
        let currency = currency(bot);
        said += &format!(
            " Realized {}, open {}.",
            money(realized, currency),
            money(open, currency)
        );
    }
    let mut facts = Vec::new();
    facts.extend(
        pnl["tradeCount"]
            .as_u64()
            .map(|count| counted(count as usize, "trade")),
    );
    facts.extend(number(pnl, "winRate").map(|rate| format!("a win rate of {:.0} %", rate * 100.0)));
    facts.extend(number(pnl, "drawdownPct").map(|pct| format!("a drawdown of {pct:.2} %")));
    facts.extend(length(bot, "positions").map(|count| counted(count, "open position")));
    if !facts.is_empty() {
        said += &format!(" It has {}.", join(&facts));
    }
    said
}

fn bot_line(bot: &Value) -> String {
    let state = text(bot, "state").unwrap_or("unknown");
    match total(bot) {
        Some(_) => format!("{}: {}, {state}", label(bot), result(bot)),
        None => format!("{}: {state}", label(bot)),
    }
}

/// `Grid (grid-1)`
fn label(bot: &Value) -> String {
    let id = text(bot, "botId").unwrap_or("a bot");
    match text(bot, "name").filter(|name| !name.is_empty() && *name != id) {
        Some(name) => format!("{name} ({id})"),
        None => id.to_owned(),
    }
}

fn with_result(bot: &Value) -> String {
    format!("{} with {}", label(bot), result(bot))
}

fn result_sentence(bot: &Value) -> String {
    match total(bot) {
        Some(_) => format!(" Its result is {}.", result(bot)),
        None => String::new(),
    }
}

/// `+1,234.50 USDT (+12.35 %)`
fn result(bot: &Value) -> String {
    let money = money(total(bot).unwrap_or_default(), currency(bot));
    match number(&bot["pnl"], "totalPct") {
        Some(pct) => format!("{money} ({pct:+.2} %)"),
        None => money,
    }
}

/// One sum per currency.
fn sums(bots: &[&Value]) -> Vec<String> {
    let mut sums: Vec<(&str, f64)> = Vec::new();
    for bot in bots {
        let (currency, total) = (currency(bot), total(bot).unwrap_or_default());
        match sums.iter_mut().find(|(known, _)| *known == currency) {
            Some((_, sum)) => *sum += total,
            None => sums.push((currency, total)),
        }
    }
    sums.iter()
        .map(|(currency, sum)| money(*sum, currency))
        .collect()
}

fn extreme_of(all: &[Value], best: bool) -> Option<&Value> {
    let with_profit = all.iter().filter(|bot| total(bot).is_some());
    let compare =
        |a: &&Value, b: &&Value| total(a).unwrap_or(0.0).total_cmp(&total(b).unwrap_or(0.0));
    match best {
        true => with_profit.max_by(compare),
        false => with_profit.min_by(compare),
    }
}

fn total(bot: &Value) -> Option<f64> {
    number(&bot["pnl"], "total")
}

fn currency(bot: &Value) -> &str {
    text(&bot["pnl"], "currency").unwrap_or_default()
}

fn ago(bot: &Value) -> Option<String> {
    number(bot, "ageMs").map(duration)
}

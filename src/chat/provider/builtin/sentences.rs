//! Plain sentences with the numbers in them.

use serde_json::Value;

/// The largest number it counts to.
const COUNT_LIMIT: u32 = 2_000;
/// The longest list it reads out.
const LIST_LIMIT: usize = 20;

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

fn states(all: &[Value]) -> String {
    format!("Known here: {}.", tally(all))
}

/// `3 running, 1 stopped`
fn tally(all: &[Value]) -> String {
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

fn bot_line(bot: &Value) -> String {
    let state = text(bot, "state").unwrap_or("unknown");
    match total(bot) {
        Some(_) => format!("{}: {}, {state}", label(bot), result(bot)),
        None => format!("{}: {state}", label(bot)),
    }
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

fn text<'a>(value: &'a Value, member: &str) -> Option<&'a str> {
    value.get(member)?.as_str()
}

fn number(value: &Value, member: &str) -> Option<f64> {
    value.get(member)?.as_f64()
}

fn length(value: &Value, member: &str) -> Option<usize> {
    Some(value.get(member)?.as_array()?.len())
}

/// `+1,234.50 USDT`
fn money(amount: f64, currency: &str) -> String {
    let sign = if amount < 0.0 { "-" } else { "+" };
    format!("{sign}{} {currency}", grouped(amount.abs()))
        .trim_end()
        .to_owned()
}

/// `1,234.50`
fn grouped(amount: f64) -> String {
    let plain = format!("{amount:.2}");
    let (whole, cents) = plain.split_once('.').unwrap_or((&plain, "00"));
    let (sign, digits) = match whole.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", whole),
    };
    let mut out = String::from(sign);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    format!("{out}.{cents}")
}

fn duration(milliseconds: f64) -> String {
    let seconds = (milliseconds / 1000.0).round() as u64;
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, seconds) => format!("{seconds} s"),
        (0, minutes, seconds) => format!("{minutes} min {seconds} s"),
        (hours, minutes, _) => format!("{hours} h {minutes} min"),
    }
}

fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

fn are(count: usize, what: &str) -> String {
    format!(
        "{} {}",
        counted(count, what),
        if count == 1 { "is" } else { "are" }
    )
}

fn more(count: usize) -> Option<String> {
    (count > LIST_LIMIT).then(|| format!("… and {} more.", count - LIST_LIMIT))
}

fn join(parts: &[String]) -> String {
    match parts {
        [] => "nothing".to_owned(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

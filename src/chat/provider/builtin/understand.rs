//! What a question is about, told by its words.

use serde_json::Value;

#[derive(Debug, PartialEq, Eq)]
pub enum Question {
    Help,
    Greeting,
    /// A way to watch an answer being streamed, resumed and cancelled.
    Count(u32),
    Bot(String),
    WhyStopped(String),
    /// Why some bot stopped, without saying which.
    Stopped,
    UnknownBot,
    Profits,
    Best,
    Worst,
    Bots,
    Backtest(String),
    RunningBacktests,
    Backtests,
    Unclear,
}

pub fn understand(question: &str, bots: &[Value], backtests: &[Value]) -> Question {
    let question = question.to_lowercase();
    let words = words(&question);
    let any = |wanted: &[&str]| words.iter().any(|word| wanted.contains(word));
    let stopped = any(&[
        "stop", "stopped", "stops", "halt", "halted", "paused", "stale", "died",
    ]);

    if let Some(to) = count_to(&words) {
        return Question::Count(to);
    }
    if let Some(id) = mentioned(&question, backtests, &["backtestId", "name"]) {
        return Question::Backtest(id);
    }
    if let Some(id) = mentioned(&question, bots, &["botId", "name"]) {
        return match stopped || any(&["why"]) {
            true => Question::WhyStopped(id),
            false => Question::Bot(id),
        };
    }
    if any(&[
        "backtest",
        "backtests",
        "bundle",
        "bundles",
        "simulation",
        "simulations",
    ]) {
        return match any(&[
            "running",
            "run",
            "active",
            "progress",
            "current",
            "currently",
        ]) {
            true => Question::RunningBacktests,
            false => Question::Backtests,
        };
    }
    if names_unknown_bot(&words) {
        return Question::UnknownBot;
    }
    if stopped {
        return Question::Stopped;
    }
    if any(&["best", "top", "winner", "strongest"]) {
        return Question::Best;
    }
    if any(&["worst", "loser", "weakest", "losing"]) {
        return Question::Worst;
    }
    if any(&[
        "profit",
        "profits",
        "pnl",
        "p&l",
        "earn",
        "earned",
        "earnings",
        "money",
        "made",
        "gain",
        "gains",
        "loss",
        "losses",
        "lost",
        "performance",
        "performing",
        "return",
        "returns",
    ]) {
        return Question::Profits;
    }
    if any(&["help", "who", "yourself", "hilfe"]) || about_itself(&words) {
        return Question::Help;
    }
    if any(&[
        "bot", "bots", "status", "overview", "running", "summary", "trading",
    ]) {
        return Question::Bots;
    }
    if any(&["hello", "hi", "hey", "hallo", "moin", "morning", "evening"]) {
        return Question::Greeting;
    }
    Question::Unclear
}

/// Words may hold what ids hold: `grid-1`, `bot_7`, `p&l`.
fn words(question: &str) -> Vec<&str> {
    let inner = |c: char| c.is_alphanumeric() || "-_&.:/".contains(c);
    question
        .split(|c: char| !inner(c))
        .map(|word| word.trim_matches(|c: char| !c.is_alphanumeric()))
        .filter(|word| !word.is_empty())
        .collect()
}

fn count_to(words: &[&str]) -> Option<u32> {
    let at = words.windows(2).position(|pair| pair == ["count", "to"])?;
    words.get(at + 2)?.parse().ok()
}

fn about_itself(words: &[&str]) -> bool {
    let pair = |wanted: [&str; 2]| words.windows(2).any(|pair| pair == wanted);
    pair(["can", "you"]) || pair(["are", "you"]) || pair(["you", "do"])
}

/// The id of the thing whose id or name the question says; the longest, if several fit.
fn mentioned(question: &str, things: &[Value], members: &[&str]) -> Option<String> {
    let id = |thing: &Value| Some(thing.get(members[0])?.as_str()?.to_owned());
    let longest = |thing: &Value| {
        let said = members
            .iter()
            .filter_map(|member| thing.get(member)?.as_str());
        let said = said.filter(|name| says(question, &name.to_lowercase()));
        said.map(str::len).max()
    };
    things
        .iter()
        .filter_map(|thing| Some((longest(thing)?, id(thing)?)))
        .max_by_key(|(length, _)| *length)
        .map(|(_, id)| id)
}

/// Whether a name stands in the question as a whole, not as part of another word.
fn says(question: &str, name: &str) -> bool {
    // A bot called "bot" or "a" would be meant by nearly every question.
    const COMMON: [&str; 8] = [
        "bot", "bots", "backtest", "best", "worst", "test", "help", "stop",
    ];
    if name.chars().count() < 2 || COMMON.contains(&name) {
        return false;
    }
    let joins = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '-' || c == '_');
    question.match_indices(name).any(|(at, found)| {
        let before = question[..at].chars().next_back();
        let after = question[at + found.len()..].chars().next();
        !joins(before) && !joins(after)
    })
}

/// `bot x` where x is no word one would say there.
fn names_unknown_bot(words: &[&str]) -> bool {
    const SAID_AFTER_BOT: [&str; 24] = [
        "stop",
        "stopped",
        "is",
        "are",
        "did",
        "do",
        "does",
        "has",
        "have",
        "was",
        "were",
        "running",
        "doing",
        "best",
        "worst",
        "status",
        "made",
        "make",
        "makes",
        "the",
        "and",
        "or",
        "with",
        "performed",
    ];
    words
        .windows(2)
        .any(|pair| pair[0] == "bot" && !SAID_AFTER_BOT.contains(&pair[1]))
}

//! Numbers, lists and members of snapshots as words.

use serde_json::Value;

use super::LIST_LIMIT;

pub fn text<'a>(value: &'a Value, member: &str) -> Option<&'a str> {
    value.get(member)?.as_str()
}

pub fn number(value: &Value, member: &str) -> Option<f64> {
    value.get(member)?.as_f64()
}

pub fn length(value: &Value, member: &str) -> Option<usize> {
    Some(value.get(member)?.as_array()?.len())
}

/// `+1,234.50 USDT`
pub fn money(amount: f64, currency: &str) -> String {
    let sign = if amount < 0.0 { "-" } else { "+" };
    format!("{sign}{} {currency}", grouped(amount.abs()))
        .trim_end()
        .to_owned()
}

/// `1,234.50`
pub fn grouped(amount: f64) -> String {
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

pub fn duration(milliseconds: f64) -> String {
    let seconds = (milliseconds / 1000.0).round() as u64;
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, seconds) => format!("{seconds} s"),
        (0, minutes, seconds) => format!("{minutes} min {seconds} s"),
        (hours, minutes, _) => format!("{hours} h {minutes} min"),
    }
}

pub fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

pub fn are(count: usize, what: &str) -> String {
    format!(
        "{} {}",
        counted(count, what),
        if count == 1 { "is" } else { "are" }
    )
}

pub fn more(count: usize) -> Option<String> {
    (count > LIST_LIMIT).then(|| format!("… and {} more.", count - LIST_LIMIT))
}

pub fn join(parts: &[String]) -> String {
    match parts {
        [] => "nothing".to_owned(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

//! Does an answer fit what was recorded?

use serde_json::Value;

use super::hex;
use super::names::Names;
use super::runner::Mismatch;
use super::scenario::{Compare, Expect};
use crate::support::http::Response;

pub fn response(names: &mut Names, expect: &Expect, actual: &Response) -> Result<(), Mismatch> {
    if !expect.one_of.is_empty() {
        let results = expect.one_of.iter().map(|one| response(names, one, actual));
        let faults: Vec<_> = results
            .filter_map(Result::err)
            .map(|fault| fault.0)
            .collect();
        if faults.len() == expect.one_of.len() {
            return Err(Mismatch(format!(
                "none of the allowed answers: {}",
                faults.join("; ")
            )));
        }
        return Ok(());
    }
    let body = String::from_utf8_lossy(&actual.body);
    if let Some(status) = expect.status
        && status != actual.head.status
    {
        return Err(Mismatch(format!(
            "status {}, expected {status}; body {body:?}",
            actual.head.status
        )));
    }
    for (name, value) in &expect.headers {
        header(names, name, value, actual.head.header(name))?;
    }
    if let Some(want) = &expect.body {
        text(names, want, &body, expect.compare, 0)?;
    }
    if let Some(want) = &expect.body_hex
        && !hex::fits(names, want, &actual.body, 0)?
    {
        return Err(Mismatch(format!(
            "body {}, expected {want}",
            hex::encode(&actual.body)
        )));
    }
    Ok(())
}

fn header(
    names: &mut Names,
    name: &str,
    want: &Value,
    got: Option<String>,
) -> Result<(), Mismatch> {
    let fits = match want {
        Value::Null => got.is_none(),
        Value::String(want) => got.as_ref().is_some_and(|got| names.fits(want, got, 0)),
        _ => holds_list(want, got.as_deref().unwrap_or_default()),
    };
    if fits {
        return Ok(());
    }
    Err(Mismatch(format!("header {name}: {got:?}, expected {want}")))
}

/// `{"list": […]}`: a comma list with at least these members, in any order and case.
fn holds_list(want: &Value, got: &str) -> bool {
    let has = |member: &Value| {
        let member = member.as_str().unwrap_or_default();
        got.split(',')
            .any(|part| part.trim().eq_ignore_ascii_case(member))
    };
    want["list"]
        .as_array()
        .is_some_and(|list| list.iter().all(has))
}

pub fn text(
    names: &mut Names,
    want: &str,
    got: &str,
    compare: Compare,
    n: usize,
) -> Result<(), Mismatch> {
    let fits = match compare {
        Compare::Bytes => names.fits(want, got, n),
        Compare::Json => {
            let want =
                parse(want).ok_or_else(|| Mismatch(format!("expectation is not JSON: {want}")))?;
            let got = parse(got).ok_or_else(|| Mismatch(format!("not JSON: {got:?}")))?;
            json(names, &want, &got, n)
        }
    };
    if fits {
        return Ok(());
    }
    Err(Mismatch(format!(
        "\n      expected {}\n      got      {}",
        clip(want),
        clip(got)
    )))
}

fn parse(record: &str) -> Option<Value> {
    serde_json::from_str(record.strip_suffix('\x1e').unwrap_or(record)).ok()
}

/// Equal values; the spelling of numbers and the order of members are free.
fn json(names: &mut Names, want: &Value, got: &Value, n: usize) -> bool {
    match (want, got) {
        (Value::String(want), Value::String(got)) => names.fits(want, got, n),
        (Value::Number(want), Value::Number(got)) => want.as_f64() == got.as_f64(),
        (Value::Array(want), Value::Array(got)) => {
            want.len() == got.len()
                && want
                    .iter()
                    .zip(got)
                    .all(|(want, got)| json(names, want, got, n))
        }
        (Value::Object(want), Value::Object(got)) => {
            want.len() == got.len()
                && want
                    .iter()
                    .all(|(key, want)| got.get(key).is_some_and(|got| json(names, want, got, n)))
        }
        _ => want == got,
    }
}

pub fn clip(text: &str) -> String {
    if text.len() <= 400 {
        return format!("{text:?}");
    }
    let start: String = text.chars().take(300).collect();
    format!("{start:?}… ({} bytes)", text.len())
}

//! Texts to values, as generously as an operator may write them: everything in an environment
//! variable is text, and .NET writes durations as `00:00:15`.

use std::time::Duration;

/// .NET's longest duration in whole seconds; moments that far away can still be counted.
const LONGEST: f64 = 922_337_203_685.0;

/// `true`, `1`, `yes`, `on` and their opposites, in any case.
pub fn flag(text: &str) -> Result<bool, String> {
    match text.trim().to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" => Ok(true),
        "false" | "0" | "no" | "off" => Ok(false),
        _ => Err("expected true or false".to_owned()),
    }
}

/// A duration, or `None` for one without end.
///
/// Understood are seconds (`15`, `0.5`), .NET's `[days.]hours:minutes[:seconds[.fraction]]`, a
/// number with the unit `ms`, `s`, `m` or `h`, and for "no limit" .NET's `-00:00:00.001`, `-1` or `infinite`.
pub fn duration(text: &str) -> Result<Option<Duration>, String> {
    let text = text.trim().to_ascii_lowercase();
    if matches!(
        text.as_str(),
        "infinite" | "-1" | "-00:00:00.001" | "-00:00:00.0010000"
    ) {
        return Ok(None);
    }
    let seconds = if text.contains(':') {
        timespan(&text)
    } else {
        with_unit(&text)
    };
    seconds
        .filter(|seconds| *seconds <= LONGEST)
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .map(Some)
        .ok_or_else(|| "expected a duration, as 00:00:15 or in seconds".to_owned())
}

fn with_unit(text: &str) -> Option<f64> {
    let (number, unit) = [("ms", 0.001), ("s", 1.0), ("m", 60.0), ("h", 3600.0)]
        .into_iter()
        .find_map(|(suffix, unit)| Some((text.strip_suffix(suffix)?, unit)))
        .unwrap_or((text, 1.0));
    Some(decimal(number.trim_end())? * unit)
}

fn timespan(text: &str) -> Option<f64> {
    let mut parts = text.split(':');
    let first = parts.next()?;
    let (days, hours) = first.split_once('.').unwrap_or(("0", first));
    let (days, hours) = (whole(days, u32::MAX)?, whole(hours, 23)?);
    let minutes = whole(parts.next()?, 59)?;
    let seconds = match parts.next() {
        Some(seconds) => decimal(seconds).filter(|seconds| *seconds < 60.0)?,
        None => 0.0,
    };
    if parts.next().is_some() {
        return None;
    }
    Some(((days * 24.0 + hours) * 60.0 + minutes) * 60.0 + seconds)
}

/// Digits and one point only: no sign, no exponent, no `inf`.
fn decimal(text: &str) -> Option<f64> {
    let plain = text
        .bytes()
        .all(|byte| byte.is_ascii_digit() || byte == b'.');
    if !plain {
        return None;
    }
    text.parse().ok()
}

fn whole(text: &str, most: u32) -> Option<f64> {
    let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let number: u32 = plain.then(|| text.parse().ok())??;
    (number <= most).then_some(f64::from(number))
}

/// Several values in one text, separated by commas, semicolons or spaces.
pub fn list(text: &str) -> Vec<String> {
    text.split([',', ';', ' '])
        .map(str::trim)
        .filter(|item| !item.is_empty())
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_dotnet_writes_them_and_in_seconds() {
        for (text, milliseconds) in [
            ("00:00:15", 15_000),
            ("00:01", 60_000),
            ("1.02:03:04.5", ((26 * 60 + 3) * 60 + 4) * 1000 + 500),
            ("00:00:00.0100000", 10),
            ("15", 15_000),
            ("0.25", 250),
            (" 90 ", 90_000),
            ("250ms", 250),
            ("2 m", 120_000),
            ("1h", 3_600_000),
            ("0", 0),
        ] {
            let expected = Some(Duration::from_millis(milliseconds));
            assert_eq!(duration(text), Ok(expected), "{text}");
        }
        for text in ["-00:00:00.001", "-1", "Infinite"] {
            assert_eq!(duration(text), Ok(None), "{text}");
        }
    }

    #[test]
    fn what_is_no_duration_is_refused() {
        for text in [
            "",
            "abc",
            "-5",
            "1e9",
            "inf",
            "nan",
            "24:00:00",
            "00:60",
            "00:00:60",
            "1:2:3:4",
            ":",
            "..",
            "+1",
            "00:00:-1",
            "10000000000000000000",
            "9999999999999999999999",
        ] {
            assert!(duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn flags_are_read_in_any_case() {
        for text in ["true", "True", "1", "YES", "on"] {
            assert_eq!(flag(text), Ok(true), "{text}");
        }
        for text in ["false", "False", "0", "no", "OFF"] {
            assert_eq!(flag(text), Ok(false), "{text}");
        }
        assert!(flag("maybe").is_err());
    }

    #[test]
    fn a_text_may_hold_a_list() {
        assert_eq!(list("a, b;c  d,"), ["a", "b", "c", "d"]);
        assert!(list(" ").is_empty());
    }
}

//! `Logging:…`: how much is logged and in which form.

use super::{Environment, Section};

#[derive(Clone, Debug)]
pub struct LoggingSettings {
    pub format: LogFormat,
    /// Directives for the filter, for instance `info,managing_api::signalr=debug`.
    pub filter: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// Lines for people.
    Text,
    /// One JSON object a line, for log collectors.
    Json,
}

impl LoggingSettings {
    pub(super) fn read(root: &Section, environment: &Environment) -> Self {
        let section = root.section("Logging");
        let default = if environment.is_development() {
            LogFormat::Text
        } else {
            LogFormat::Json
        };
        Self {
            format: section.parse("Format", format).unwrap_or(default),
            filter: filter(&section),
        }
    }
}

fn format(text: &str) -> Result<LogFormat, String> {
    match text.to_ascii_lowercase().as_str() {
        "text" => Ok(LogFormat::Text),
        "json" => Ok(LogFormat::Json),
        _ => Err("expected text or json".to_owned()),
    }
}

/// `Logging:LogLevel:{Default, <target>}` with .NET's names of the levels. A target is a module,
/// `managing_api::signalr`, or `signalr` for short; .NET's own categories are nobody's here.
fn filter(section: &Section) -> String {
    let mut default = "info";
    let mut directives = Vec::new();
    for (target, text) in section.map("LogLevel") {
        let Some(level) = level(&text) else {
            let problem = "expected Trace, Debug, Information, Warning, Error, Critical or None";
            section.section("LogLevel").fault(&target, problem);
            continue;
        };
        match target.as_str() {
            "default" => default = level,
            _ => directives.push(format!("{}={level}", module(&target))),
        }
    }
    // A worker's start and stop is no news for operators; ours says both for all. Nor is what
    // fred sees of a connection that is replaced; the service says what comes of it.
    directives.insert(0, format!("{default},actix_server=warn,fred=error"));
    directives.join(",")
}

fn level(text: &str) -> Option<&'static str> {
    Some(match text.to_ascii_lowercase().as_str() {
        "trace" => "trace",
        "debug" => "debug",
        "information" | "info" => "info",
        "warning" | "warn" => "warn",
        "error" | "critical" => "error",
        "none" | "off" => "off",
        _ => return None,
    })
}

/// Rooms of this program may be named without its own name in front.
fn module(target: &str) -> String {
    const ROOMS: [&str; 9] = [
        "api", "auth", "chat", "eventlog", "hubs", "redis", "settings", "signalr", "trading",
    ];
    let target = target.replace('.', "::");
    let room = target.split("::").next().unwrap_or_default();
    if ROOMS.contains(&room) {
        format!("managing_api::{target}")
    } else {
        target
    }
}

//! Reads typed values out of one level of the settings. What cannot be used is noted in
//! [`Layers`], never in the value's own words, and reads as not set.

use std::{fmt::Display, ops::RangeInclusive, str::FromStr, time::Duration};

use figment::value::{Dict, Value};

use super::{Fault, Secret, reader::Layers, text};

/// One level of the settings, for instance `SignalR:Hubs:llmhub`. Absent ones read as empty.
#[derive(Clone)]
pub(super) struct Section<'a> {
    layers: &'a Layers,
    path: String,
    values: Option<&'a Dict>,
}

impl<'a> Section<'a> {
    pub fn root(layers: &'a Layers, values: &'a Dict) -> Self {
        Self {
            layers,
            path: String::new(),
            values: Some(values),
        }
    }

    pub fn section(&self, name: &str) -> Section<'a> {
        let values = match self.find(name) {
            Some(Value::Dict(_, values)) => Some(values),
            _ => None,
        };
        Section {
            layers: self.layers,
            path: self.join(name),
            values,
        }
    }

    /// The sections inside `name`, in the order of their index if it is a list.
    pub fn sections(&self, name: &str) -> Vec<(String, Section<'a>)> {
        let parent = self.section(name);
        let mut keys: Vec<&String> = parent.values.into_iter().flat_map(Dict::keys).collect();
        keys.sort_by_key(|key| (key.parse::<u32>().unwrap_or(u32::MAX), key.as_str()));
        keys.into_iter()
            .filter(|key| matches!(parent.find(key), Some(Value::Dict(..))))
            .map(|key| (key.clone(), parent.section(key)))
            .collect()
    }

    /// A text; an empty one counts as not set.
    pub fn text(&self, name: &str) -> Option<String> {
        self.set_text(name).filter(|text| !text.is_empty())
    }

    /// A text that may be set to nothing, which then means something.
    pub fn set_text(&self, name: &str) -> Option<String> {
        match self.ask(name)? {
            Value::Dict(..) | Value::Array(..) => {
                self.fault(name, "expected one value, found a list or a section");
                None
            }
            value => as_text(value),
        }
    }

    pub fn secret(&self, name: &str) -> Option<Secret> {
        self.text(name).map(Secret::new)
    }

    pub fn flag(&self, name: &str) -> Option<bool> {
        self.parse(name, text::flag)
    }

    pub fn number<T>(&self, name: &str, range: RangeInclusive<T>) -> Option<T>
    where
        T: FromStr + PartialOrd + Display,
    {
        self.parse(name, |text| {
            let number = text.trim().parse().ok();
            number
                .filter(|number| range.contains(number))
                .ok_or_else(|| {
                    format!(
                        "expected a whole number from {} to {}",
                        range.start(),
                        range.end()
                    )
                })
        })
    }

    /// A number, or `Some(None)` where the setting says null: no limit.
    pub fn limit<T>(&self, name: &str, range: RangeInclusive<T>) -> Option<Option<T>>
    where
        T: FromStr + PartialOrd + Display,
    {
        match self.find(name) {
            Some(Value::Empty(..)) => {
                self.ask(name);
                Some(None)
            }
            _ => self.number(name, range).map(Some),
        }
    }

    /// A duration above zero.
    pub fn duration(&self, name: &str) -> Option<Duration> {
        self.parse(name, |text| match text::duration(text)? {
            Some(duration) if !duration.is_zero() => Ok(duration),
            Some(_) => Err("must be longer than zero".to_owned()),
            None => Err("cannot be infinite".to_owned()),
        })
    }

    /// A duration above zero, or `Some(None)` for one without end.
    pub fn duration_or_infinite(&self, name: &str) -> Option<Option<Duration>> {
        self.parse(name, |text| match text::duration(text)? {
            Some(duration) if duration.is_zero() => Err("must be longer than zero".to_owned()),
            duration => Ok(duration),
        })
    }

    /// A duration in milliseconds, for the keys that end in `Ms`.
    pub fn milliseconds(&self, name: &str) -> Option<Duration> {
        self.number(name, 1..=86_400_000).map(Duration::from_millis)
    }

    /// A list, or one text that holds several values.
    pub fn list(&self, name: &str) -> Option<Vec<String>> {
        match self.ask(name)? {
            Value::Dict(_, items) => {
                let mut items: Vec<(&String, &Value)> = items.iter().collect();
                items.sort_by_key(|(key, _)| key.parse::<u32>().unwrap_or(u32::MAX));
                let texts = items.into_iter().filter_map(|(_, item)| as_text(item));
                Some(texts.filter(|text| !text.is_empty()).collect())
            }
            value => as_text(value).map(|text| text::list(&text)),
        }
    }

    /// Names and texts, for instance HTTP headers. The names arrive in lower case.
    pub fn map(&self, name: &str) -> Vec<(String, String)> {
        let Some(Value::Dict(_, members)) = self.ask(name) else {
            return Vec::new();
        };
        members
            .iter()
            .filter_map(|(key, value)| Some((key.clone(), as_text(value)?)))
            .collect()
    }

    /// Reads a text through `parse`; what it refuses becomes a fault.
    pub fn parse<T>(&self, name: &str, parse: impl FnOnce(&str) -> Result<T, String>) -> Option<T> {
        match parse(&self.text(name)?) {
            Ok(value) => Some(value),
            Err(problem) => {
                self.fault(name, &problem);
                None
            }
        }
    }

    /// Notes that the value of `name` cannot be used. The value itself is not repeated: it may be
    /// a secret.
    pub fn fault(&self, name: &str, problem: &str) {
        let source = self.find(name).map(|value| self.layers.source(value));
        let fault = Fault {
            key: self.join(name),
            source,
            problem: problem.to_owned(),
        };
        self.layers.note_fault(fault);
    }

    /// Where the value of `name` was set.
    pub fn source(&self, name: &str) -> Option<String> {
        self.find(name).map(|value| self.layers.source(value))
    }

    fn ask(&self, name: &str) -> Option<&'a Value> {
        let path = self.join(name).to_lowercase();
        self.layers.note_asked(path);
        self.find(name)
    }

    fn find(&self, name: &str) -> Option<&'a Value> {
        self.values?.get(&name.to_lowercase())
    }

    fn join(&self, name: &str) -> String {
        if self.path.is_empty() {
            name.to_owned()
        } else {
            format!("{}:{name}", self.path)
        }
    }
}

fn as_text(value: &Value) -> Option<String> {
    match value {
        Value::String(_, text) => Some(text.clone()),
        Value::Bool(_, flag) => Some(flag.to_string()),
        _ => None,
    }
}

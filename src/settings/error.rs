//! What is wrong with the settings, said so that an operator finds the place.

use std::fmt;

/// One value that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The key, `SignalR:KeepAliveInterval`, or the file that cannot be read.
    pub key: String,
    /// The file or the environment variable the value came from.
    pub source: Option<String>,
    pub problem: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.key, self.problem)?;
        match &self.source {
            Some(source) => write!(formatter, " ({source})"),
            None => Ok(()),
        }
    }
}

/// Everything that is wrong, one line each.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct SettingsError {
    pub faults: Vec<Fault>,
}

impl SettingsError {
    pub(super) fn single(key: &str, problem: &str) -> Self {
        let fault = Fault {
            key: key.to_owned(),
            source: None,
            problem: problem.to_owned(),
        };
        Self {
            faults: vec![fault],
        }
    }
}

impl fmt::Display for SettingsError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, fault) in self.faults.iter().enumerate() {
            if index > 0 {
                writeln!(formatter)?;
            }
            write!(formatter, "{fault}")?;
        }
        Ok(())
    }
}

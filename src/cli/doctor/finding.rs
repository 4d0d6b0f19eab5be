//! One thing that was looked at: how it is, and what to do if it is not good.

use std::fmt;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Level {
    Good,
    /// Nothing to judge.
    Note,
    /// It works, but not as it should or not for long.
    Warn,
    Fail,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Finding {
    pub level: Level,
    subject: &'static str,
    saw: String,
    cure: Option<String>,
}

impl Finding {
    pub fn good(subject: &'static str, saw: impl Into<String>) -> Self {
        Self::new(Level::Good, subject, saw, None)
    }

    pub fn note(subject: &'static str, saw: impl Into<String>) -> Self {
        Self::new(Level::Note, subject, saw, None)
    }

    pub fn warn(subject: &'static str, saw: impl Into<String>, cure: impl Into<String>) -> Self {
        Self::new(Level::Warn, subject, saw, Some(cure.into()))
    }

    pub fn fail(subject: &'static str, saw: impl Into<String>, cure: impl Into<String>) -> Self {
        Self::new(Level::Fail, subject, saw, Some(cure.into()))
    }

    fn new(
        level: Level,
        subject: &'static str,
        saw: impl Into<String>,
        cure: Option<String>,
    ) -> Self {
        Self {
            level,
            subject,
            saw: saw.into(),
            cure,
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = match self.level {
            Level::Good => "✅",
            Level::Note => "➖",
            Level::Warn => "⚠️",
            Level::Fail => "❌",
        };
        write!(formatter, "{mark} {}: {}", self.subject, self.saw)?;
        match &self.cure {
            Some(cure) => write!(formatter, "\n   → {cure}"),
            None => Ok(()),
        }
    }
}

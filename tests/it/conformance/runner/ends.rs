//! How a connection must end, and that nothing may come.

use std::time::Duration;

use super::{Checked, DEFAULT_TIMEOUT, Mismatch, Runner, is_kind};
use crate::conformance::connection::{End, Next};
use crate::conformance::scenario::{Closed, Nothing};

impl Runner<'_> {
    pub(super) async fn closed(&mut self, step: Closed) -> Checked {
        let ignore = step.ignore.as_deref().unwrap_or(self.ignore);
        let limit = Duration::from_millis(step.timeout.unwrap_or(DEFAULT_TIMEOUT));
        let connection = self.connection(&step.from)?;
        let end = match connection
            .peek(limit, |message| is_kind(message, ignore))
            .await
        {
            None => return Err(Mismatch(format!("{} is still open", step.from))),
            Some(Next::Message(message)) => {
                return Err(Mismatch(format!(
                    "a message where the end was expected: {message}"
                )));
            }
            Some(Next::End(end)) => end,
        };
        let want = End {
            code: step.code,
            reason: step.reason,
            ended: step.ended,
            status: step.status,
        };
        if !end_fits(&want, &end) {
            return Err(Mismatch(format!("ended with {end:?}, expected {want:?}")));
        }
        self.check_time(&step.timing)
    }

    pub(super) async fn nothing(&mut self, step: Nothing) -> Checked {
        let ignore = step.ignore.as_deref().unwrap_or(self.ignore);
        let limit = Duration::from_millis(step.ms);
        let connection = self.connection(&step.from)?;
        let got = match connection
            .peek(limit, |message| is_kind(message, ignore))
            .await
        {
            None => return Ok(()),
            Some(Next::Message(message)) => message.to_string(),
            Some(Next::End(end)) => format!("the end {end:?}"),
        };
        Err(Mismatch(format!(
            "{got} where nothing was expected for {} ms",
            step.ms
        )))
    }
}

/// Only what the expectation names is compared.
fn end_fits(want: &End, got: &End) -> bool {
    let End {
        code,
        reason,
        ended,
        status,
    } = want;
    (code.is_none() || *code == got.code)
        && (reason.is_none() || *reason == got.reason)
        && (ended.is_none() || *ended == got.ended)
        && (status.is_none() || *status == got.status)
}

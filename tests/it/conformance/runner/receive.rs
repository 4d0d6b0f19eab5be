//! What must come from the server.

use std::time::Duration;

use super::{Checked, DEFAULT_TIMEOUT, Mismatch, Runner, is_kind};
use crate::conformance::connection::{HubMessage, Next};
use crate::conformance::scenario::{MessageKind, Order, Raw, Receive};
use crate::conformance::{compare, hex};

/// One expected message: its template and the number of the repetition.
struct Wanted<'a> {
    template: &'a str,
    hex: bool,
    n: usize,
}

impl Runner<'_> {
    /// The next message that is not ignored.
    pub(super) async fn take(
        &mut self,
        from: &str,
        ignore: Option<&[MessageKind]>,
        timeout: Option<u64>,
    ) -> Checked<HubMessage> {
        let ignore = ignore.unwrap_or(self.ignore);
        let limit = Duration::from_millis(timeout.unwrap_or(DEFAULT_TIMEOUT));
        let connection = self.connection(from)?;
        match connection
            .peek(limit, |message| is_kind(message, ignore))
            .await
        {
            None => Err(Mismatch(format!("nothing came from {from} in time"))),
            Some(Next::End(end)) => Err(Mismatch(format!(
                "{from} ended ({end:?}) where a message was expected"
            ))),
            Some(Next::Message(HubMessage {
                broken: Some(why),
                bytes,
                ..
            })) => Err(Mismatch(format!(
                "{why}: {}",
                compare::clip(&String::from_utf8_lossy(&bytes))
            ))),
            Some(Next::Message(message)) => {
                connection.pop();
                Ok(message)
            }
        }
    }

    pub(super) async fn receive(&mut self, step: Receive) -> Checked {
        let mut wanted = Vec::new();
        for n in 0..step.times.unwrap_or(1) {
            wanted.extend(step.text.as_slice().iter().map(|template| Wanted {
                template,
                hex: false,
                n,
            }));
            wanted.extend(step.hex.as_slice().iter().map(|template| Wanted {
                template,
                hex: true,
                n,
            }));
        }
        let ignore = step.ignore.as_deref();
        if step.order == Some(Order::Any) {
            let mut got = Vec::new();
            for _ in &wanted {
                got.push(self.take(&step.from, ignore, step.timeout).await?);
            }
            for want in &wanted {
                self.take_fitting(&step, want, &mut got)?;
            }
        } else {
            for want in &wanted {
                let got = self.take(&step.from, ignore, step.timeout).await?;
                self.fits(&step, want, &got)?;
            }
        }
        self.check_time(&step.timing)
    }

    fn take_fitting(
        &mut self,
        step: &Receive,
        want: &Wanted<'_>,
        got: &mut Vec<HubMessage>,
    ) -> Checked {
        let found = got
            .iter()
            .position(|message| self.fits(step, want, message).is_ok());
        let Some(found) = found else {
            let left: Vec<_> = got.iter().map(HubMessage::to_string).collect();
            return Err(Mismatch(format!(
                "(any order) missing {}; left: {}",
                want.template,
                left.join(" ")
            )));
        };
        got.remove(found);
        Ok(())
    }

    fn fits(&mut self, step: &Receive, want: &Wanted<'_>, got: &HubMessage) -> Checked {
        if self.connection(&step.from)?.is_websocket() && got.binary != want.hex {
            let kind = |binary| if binary { "binary" } else { "text" };
            return Err(Mismatch(format!(
                "a {} frame, expected {}: {got}",
                kind(got.binary),
                kind(want.hex)
            )));
        }
        if !want.hex {
            let text = String::from_utf8_lossy(&got.bytes);
            return compare::text(&mut self.names, want.template, &text, step.compare, want.n);
        }
        if hex::fits(&mut self.names, want.template, &got.bytes, want.n)? {
            return Ok(());
        }
        Err(Mismatch(format!(
            "\n      expected {}\n      got      {got}",
            want.template
        )))
    }

    pub(super) async fn raw(&mut self, step: Raw) -> Checked {
        let want = self.names.fill(&step.text, 0)?;
        let limit = Duration::from_millis(step.timeout.unwrap_or(DEFAULT_TIMEOUT));
        let got = self.connection(&step.from)?.raw(want.len(), limit).await;
        if got == want.as_bytes() {
            return Ok(());
        }
        let got = String::from_utf8_lossy(&got).into_owned();
        Err(Mismatch(format!(
            "\n      expected {want:?}\n      got      {got:?}"
        )))
    }
}

//! What the client sends.

use std::time::Duration;

use super::{Checked, DEFAULT_TIMEOUT, Runner};
use crate::conformance::hex;
use crate::conformance::scenario::{Opcode, Send};
use crate::support::within;

impl Runner<'_> {
    pub(super) async fn send(&mut self, step: Send) -> Checked {
        if !step.fragments.is_empty() {
            let parts = step.fragments.iter().map(|part| self.names.fill(part, 0));
            let parts = parts.collect::<Checked<Vec<_>>>()?;
            return self.connection(&step.to)?.send_fragments(&parts).await;
        }
        let mut chunks = Vec::new();
        for n in 0..step.times.unwrap_or(1) {
            for part in step.hex.as_slice() {
                chunks.push(hex::fill(&mut self.names, part, n)?);
            }
            for part in step.text.as_slice() {
                chunks.push(self.names.fill(part, n)?.into_bytes());
            }
        }
        if step.join {
            chunks = vec![chunks.concat()];
        }
        let is_hex = !step.hex.as_slice().is_empty();
        let binary = step
            .opcode
            .map_or(is_hex, |opcode| opcode == Opcode::Binary);
        let connection = self.connection(&step.to)?;
        for chunk in chunks {
            let limit = Duration::from_millis(DEFAULT_TIMEOUT);
            within(
                limit,
                "the message was not accepted",
                connection.send(&chunk, binary),
            )
            .await??;
        }
        Ok(())
    }
}

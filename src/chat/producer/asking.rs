//! Whom to ask, and when to ask again: only before the first token, and only where it may help.

use std::time::Duration;

use super::{Producer, Reply, Stop};
use crate::chat::config::Limits;
use crate::chat::event::Phase;
use crate::chat::provider::{Failure, Prompt, Retry};

/// A provider that wants to be left alone for longer is not waited for.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(10);
const FIRST_BACKOFF: Duration = Duration::from_millis(250);

impl Producer<'_> {
    /// Asks one provider after the other, again where that may help, until one has answered.
    pub(super) async fn ask(&mut self, prompt: &Prompt) -> Result<Reply, Stop> {
        let providers = self.providers.clone();
        let mut failures: Vec<Failure> = Vec::new();
        for (index, provider) in providers.iter().enumerate() {
            if index > 0 {
                self.say(Phase::Fallback, 1, provider.name());
            }
            let mut attempt = 1;
            let mut plainer = 0;
            loop {
                self.doing = (Phase::Connecting, attempt, provider.name().to_owned());
                let mut shown = false;
                let asked = self.pipe(provider.as_ref(), prompt, &mut shown);
                let failure = match asked.await {
                    Ok(reply) => return Ok(reply),
                    Err(Stop::Failed(failure)) if !shown => failure,
                    Err(stop) => return Err(stop),
                };
                if failure.retry == Retry::Plainer && plainer < 2 {
                    plainer += 1;
                    continue;
                }
                let wait = self.wait_before_retry(&failure, attempt, provider.limits());
                let never = failure.retry == Retry::Never;
                failures.push(failure);
                if never {
                    return Err(worst(failures).into());
                }
                let Some(wait) = wait else {
                    break;
                };
                attempt += 1;
                self.say(Phase::Retrying, attempt, provider.name());
                self.watch(tokio::time::sleep(wait)).await?;
            }
        }
        Err(worst(failures).into())
    }

    /// How long to wait before the same provider is asked again; `None`: it is not.
    fn wait_before_retry(
        &self,
        failure: &Failure,
        attempt: u32,
        limits: Limits,
    ) -> Option<Duration> {
        if failure.retry != Retry::Again || attempt > limits.max_retries {
            return None;
        }
        match failure.retry_after {
            Some(wait) => (wait <= LONGEST_RETRY_AFTER).then_some(wait),
            None => Some(FIRST_BACKOFF * 2_u32.saturating_pow(attempt - 1).min(16)),
        }
    }
}

/// What is told when nobody answered: when to come back, if anybody said so, else the last word.
fn worst(failures: Vec<Failure>) -> Failure {
    let soonest = failures
        .iter()
        .filter(|failure| failure.retry_after.is_some())
        .min_by_key(|failure| failure.retry_after)
        .cloned();
    soonest
        .or_else(|| failures.into_iter().next_back())
        .unwrap_or_else(Failure::unreachable)
}

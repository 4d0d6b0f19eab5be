//! `doctor`: looks at everything a deployment can have wrong, from this machine and through the
//! public address, and says for each finding what cures it. Nothing is changed; what it writes to
//! Redis are keys of its own that expire.

mod finding;
mod fleet;
mod machine;
mod permissions;
mod proxy;
mod redis;
mod silence;
mod streaming;
mod websocket;

use std::time::Duration;

use clap::Args;

use self::finding::{Finding, Level};
use super::{Outcome, remote::Target};
use crate::settings::{Settings, Sources, parse_duration};

/// Look at settings, Redis, the fleet and the way through proxies; say what is wrong and what cures it.
///
/// Ends with failure if something does not work; warnings alone are no failure.
#[derive(Debug, Args)]
pub struct Doctor {
    /// The public address, as clients use it, e.g. https://api.example.com.
    #[arg(long)]
    url: Option<String>,
    /// A bearer token, where the server asks for one (gen-token makes it).
    #[arg(long)]
    token: Option<String>,
    /// How long a connection must stay although nothing is said; proxies close quiet ones. More
    /// than the 15 seconds between two pings of the server.
    #[arg(long, default_value = "20s", value_parser = duration)]
    silence: Duration,
}

fn duration(text: &str) -> Result<Duration, String> {
    parse_duration(text)?.ok_or_else(|| "must have an end".to_owned())
}

impl Doctor {
    pub(super) fn run(self, sources: &Sources) -> Outcome {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| error.to_string())?;
        let failed = runtime.block_on(self.examine(sources))?;
        match failed {
            0 => Ok(()),
            1 => Err("1 thing does not work".to_owned()),
            failed => Err(format!("{failed} things do not work")),
        }
    }

    /// How many findings are failures. Each is printed when it is found.
    async fn examine(self, sources: &Sources) -> Result<usize, String> {
        let mut report = Report::default();
        match Settings::load(sources) {
            Err(error) => report.add(Finding::fail(
                "settings",
                error.to_string(),
                "correct them; config/appsettings.schema.json describes every key",
            )),
            Ok(settings) => {
                report.add_all(machine::examine(&settings));
                if let Some(redis) = redis::examine(&settings, &mut report).await {
                    permissions::examine(&redis, &settings, &mut report).await;
                    fleet::examine(&redis, &settings, &mut report).await;
                    redis.shutdown().await;
                }
            }
        }
        match &self.url {
            Some(url) => {
                let target = Target::new(url, self.token.clone())?;
                proxy::examine(&target, self.silence, &mut report).await;
            }
            None => report.add(Finding::note(
                "public address",
                "not looked at: name it with --url",
            )),
        }
        Ok(report.failed)
    }
}

/// Prints findings as they come.
#[derive(Default)]
struct Report {
    failed: usize,
}

impl Report {
    fn add(&mut self, finding: Finding) {
        println!("{finding}");
        self.failed += usize::from(finding.level == Level::Fail);
    }

    fn add_all(&mut self, findings: impl IntoIterator<Item = Finding>) {
        for finding in findings {
            self.add(finding);
        }
    }
}

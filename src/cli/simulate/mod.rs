//! A trading desk that does not exist: bots and backtests as a worker would run them, over the
//! public API only. The same seed gives the same prices, trades and curves.

mod backtest;
mod backtest_desk;
mod bot;
mod bot_desk;
mod client;
mod figures;
mod random;
mod socket;
mod viewers;

use std::io::Write;
use std::time::{Duration, SystemTime};

use chrono::{DateTime, SecondsFormat, Utc};
use clap::Args;
use tokio::task::LocalSet;

use self::socket::Address;
use super::Outcome;

#[derive(Clone, Debug, Args)]
pub struct Simulate {
    /// The server to work for.
    #[arg(long, default_value = "http://127.0.0.1:8080")]
    url: String,
    /// How many bots trade.
    #[arg(long, default_value_t = 5)]
    bots: usize,
    /// So many viewers, each of 100 bots, and one of all say how far behind they are.
    #[arg(long, default_value_t = 0)]
    viewers: usize,
    /// So many viewers of all bots besides that never read what they are sent.
    #[arg(long, default_value_t = 0)]
    stalled_viewers: usize,
    /// Where the viewers connect, if not where the bots do.
    #[arg(long, value_name = "URL")]
    viewers_url: Option<String>,
    /// How many backtests run at a time; when all are done, the next ones begin.
    #[arg(long, default_value_t = 2)]
    backtests: usize,
    /// The same seed gives the same desk.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// A bearer token with the role `worker`, where the server asks for one.
    #[arg(long)]
    token: Option<String>,
    /// Stop after so many seconds; without it the desk works until Ctrl+C.
    #[arg(long, value_name = "SECONDS")]
    duration: Option<f64>,
    /// Milliseconds between two reports of a bot.
    #[arg(long, default_value_t = 1_000, value_name = "MILLISECONDS")]
    interval: u64,
}

impl Simulate {
    pub fn run(self) -> Outcome {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| error.to_string())?;
        runtime.block_on(LocalSet::new().run_until(self.work()))
    }

    async fn work(self) -> Outcome {
        let address = Address::new(&self.url, self.token.clone())?;
        say(format_args!(
            "🏢 A desk of {} bots and {} backtests (seed {}) works for {}",
            self.bots, self.backtests, self.seed, self.url
        ));
        let viewers_url = self.viewers_url.as_deref().unwrap_or(&self.url);
        let viewers_address = Address::new(viewers_url, self.token.clone())?;
        let ids = bot_desk::ids(&self);
        let viewers = viewers::watch(&self, &viewers_address, &ids);
        let bots = bot_desk::work(&self, &address);
        let backtests = backtest_desk::work(&self, &address);
        tokio::select! {
            outcome = async { tokio::try_join!(bots, backtests, viewers) } => outcome.map(|_| ()),
            () = self.time_is_up() => {
                say(format_args!("👋 The desk closes"));
                Ok(())
            }
        }
    }

    async fn time_is_up(&self) {
        let end_of_day = async {
            match self.duration {
                Some(seconds) => {
                    tokio::time::sleep(Duration::from_secs_f64(seconds.max(0.0))).await
                }
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = end_of_day => {}
            _ = tokio::signal::ctrl_c() => {}
        }
    }

    fn interval(&self) -> Duration {
        Duration::from_millis(self.interval.max(10))
    }
}

/// Tells the person in front of the terminal. When nobody reads any more, the desk closes.
fn say(what: std::fmt::Arguments<'_>) {
    let now = chrono::Local::now().format("%H:%M:%S");
    if writeln!(std::io::stdout(), "{now} {what}").is_err() {
        std::process::exit(0);
    }
}

/// Now, as the API wants times.
fn timestamp() -> String {
    let now: DateTime<Utc> = SystemTime::now().into();
    now.to_rfc3339_opts(SecondsFormat::Millis, true)
}

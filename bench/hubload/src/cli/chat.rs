//! Options of `chat`.

use clap::Args;

use super::{Common, dur, posrate};

#[derive(Args)]
#[command(after_help = "The server under test needs this provider:
  Llm__Providers__0__Name=bench Llm__Providers__0__Models__0=bench
  Llm__Providers__0__BaseUrl=http://127.0.0.1:5199/v1   (the port of --provider-port)
and users by query (Authentication__Mode=None). JSON only.")]
pub struct Chat {
    #[command(flatten)]
    pub c: Common,
    /// Viewers, each with an answer of its own at any time
    #[arg(short, default_value = "500", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub n: u32,
    /// Every so many viewers one has a second tab that opens the same conversation; 0: none
    #[arg(long, default_value = "10")]
    pub tab_every: u32,
    /// Where the scripted provider listens, on 127.0.0.1
    #[arg(long, default_value = "5199")]
    pub provider_port: u16,
    /// Tokens of one answer
    #[arg(long, default_value = "1000", value_parser = clap::value_parser!(u64).range(1..=10_000_000))]
    pub tokens: u64,
    /// Tokens per second of one answer
    #[arg(long, default_value = "100", value_parser = posrate)]
    pub rate: f64,
    /// Seconds before anything is measured; the answers begin spread over it
    #[arg(long, default_value = "10", value_parser = dur)]
    pub warmup: f64,
    /// Seconds measured
    #[arg(long, default_value = "20", value_parser = dur)]
    pub duration: f64,
}

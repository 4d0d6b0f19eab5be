//! The command line.

mod chat;
mod common;
mod fanout;

use clap::{Args, Parser, Subcommand};

pub use chat::Chat;
pub use common::{Common, ProtoArg, Rate, dur, header, posrate};
pub use fanout::{Fanout, PubKind, RedisForm};

#[derive(Parser)]
#[command(
    name = "hubload",
    version,
    about = "Lean load generator and reference server for SignalR hubs."
)]
#[command(
    long_about = "Lean load generator and reference server for SignalR hubs.\n\n\
Only addresses in 127.0.0.0/8 are ever contacted. Every run is bounded in time and count.\n\
One worker thread by default (a current-thread tokio runtime); `fanout` adds one for its publisher.\n\n\
Exit status: 0 fine, 1 could not run, 3 ran but with failed connections, losses, duplicates or errors."
)]
#[command(
    after_help = "EXAMPLES (U=http://127.0.0.1:5100/hub, REF = the server's process id)
  hubload refserver --port 5100
  hubload idle   --url $U -n 10000 --hold 20 --pid ref=$REF
  hubload fanout --url $U -n 1000 --subscribe Subscribe --subscribe-args '[\"g\"]' \\
                 --publish-args '[\"g\",{\"seq\":{{seq}},\"ts\":{{ts}},\"pad\":\"{{pad:100}}\"}]' \\
                 --rate 100 --duration 10 --pid ref=$REF
  hubload echo   --url $U -n 64 --inflight 4 --args '[\"hello\"]'
  hubload stream --url $U -n 16 --streams 2 --args '[10000]' --expect-items 10000
  hubload chat   --url http://127.0.0.1:8080/llmhub -n 500 --pid srv=$REF
  hubload churn  --url $U --concurrency 32 --duration 10
`hubload COMMAND --help` lists all options of a command."
)]
pub struct Cli {
    #[command(subcommand)]
    pub cmd: Cmd,
}

#[derive(Subcommand)]
pub enum Cmd {
    /// Connect N, hold, answer nothing but pings; memory and CPU per connection
    Idle(Idle),
    /// N subscribers, one publisher: deliveries, losses, order, latency, CPU
    Fanout(Box<Fanout>),
    /// N connections x K invocations in flight: calls/s and round-trip time
    Echo(Echo),
    /// Server-to-client streams: items/s and time to the first item
    Stream(Stream),
    /// Answers of a language model through the server's chat: first token, delay, CPU per token, memory
    Chat(Chat),
    /// Connect, handshake, close, again and again
    Churn(Churn),
    /// The reference server: raw epoll, JSON only; Subscribe(group), Publish(group, payload), Echo(x), Count(n)
    Refserver(Ref),
}

#[derive(Args)]
pub struct Idle {
    #[command(flatten)]
    pub c: Common,
    /// Connections
    #[arg(short, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub n: u32,
    /// Seconds to hold them
    #[arg(long, default_value = "10", value_parser = dur)]
    pub hold: f64,
    /// Part of the hold left out of the hold's CPU figures
    #[arg(long, default_value = "2", value_parser = dur)]
    pub settle: f64,
}

#[derive(Args)]
pub struct Echo {
    #[command(flatten)]
    pub c: Common,
    /// Connections
    #[arg(short, default_value = "64", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub n: u32,
    /// Invocations in flight per connection
    #[arg(long, short = 'k', default_value = "1", value_parser = clap::value_parser!(u32).range(1..=10000))]
    pub inflight: u32,
    /// Hub method
    #[arg(long, default_value = "Echo")]
    pub target: String,
    /// Arguments, a JSON array (template: {{seq}}, {{ts}}, {{pad:N}}, {{i}}, {{i%M}})
    #[arg(long, value_name = "JSON", default_value = r#"["{{pad:32}}"]"#)]
    pub args: String,
    /// Calls per second over all connections; 0: as fast as the answers come
    #[arg(long, default_value = "0", value_parser = posrate)]
    pub rate: f64,
    #[arg(long, default_value = "2", value_parser = dur)]
    pub warmup: f64,
    #[arg(long, default_value = "10", value_parser = dur)]
    pub duration: f64,
}

#[derive(Args)]
pub struct Stream {
    #[command(flatten)]
    pub c: Common,
    /// Connections
    #[arg(short, default_value = "16", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub n: u32,
    /// Streams at one time per connection
    #[arg(long, short = 's', default_value = "1", value_parser = clap::value_parser!(u32).range(1..=10000))]
    pub streams: u32,
    /// Streaming hub method
    #[arg(long, default_value = "Count")]
    pub target: String,
    /// Arguments, a JSON array (template)
    #[arg(long, value_name = "JSON", default_value = "[1000]")]
    pub args: String,
    /// Run each stream once instead of starting it again until --duration is over
    #[arg(long)]
    pub once: bool,
    /// Items that every stream should have
    #[arg(long, value_name = "M")]
    pub expect_items: Option<u64>,
    #[arg(long, default_value = "1", value_parser = dur)]
    pub warmup: f64,
    /// Seconds measured (with --once: limit)
    #[arg(long, default_value = "10", value_parser = dur)]
    pub duration: f64,
}

#[derive(Args)]
pub struct Churn {
    #[command(flatten)]
    pub c: Common,
    #[arg(long, default_value = "1", value_parser = dur)]
    pub warmup: f64,
    #[arg(long, default_value = "10", value_parser = dur)]
    pub duration: f64,
    /// Bound on the number of connections
    #[arg(long, default_value = "10000000")]
    pub max: u64,
}

#[derive(Args)]
pub struct Ref {
    /// TCP port
    #[arg(long)]
    pub port: u16,
    /// Address, in 127.0.0.0/8
    #[arg(long, default_value = "127.0.0.1")]
    pub listen: std::net::Ipv4Addr,
    /// Event-loop threads
    #[arg(long, default_value = "1", value_parser = clap::value_parser!(u32).range(1..=64))]
    pub threads: u32,
    /// Encode a published frame once and share its bytes among all receivers (this is the default)
    #[arg(long)]
    pub shared: bool,
    /// For contrast: encode it again for every receiver
    #[arg(long, conflicts_with_all = ["shared", "batch"])]
    pub no_shared: bool,
    /// Also coalesce the publishes that came in one read into one write per receiver
    #[arg(long)]
    pub batch: bool,
    /// Client method that Publish invokes
    #[arg(long, default_value = "Receive")]
    pub deliver: String,
    /// TCP congestion control of accepted sockets (default: the system's)
    #[arg(long, value_name = "NAME")]
    pub congestion: Option<String>,
    /// Exit after this many seconds (0: never)
    #[arg(long, default_value = "0", value_parser = dur)]
    pub max_time: f64,
}

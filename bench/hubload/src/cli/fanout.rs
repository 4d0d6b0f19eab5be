//! Options of `fanout`.

use clap::{Args, ValueEnum};

use crate::client::{Url, host_port};

use super::{Common, Rate, dur};

#[derive(Clone, Copy, ValueEnum, PartialEq, Debug)]
pub enum PubKind {
    /// a SignalR connection that calls --publish-target
    Invoke,
    /// POST (or PUT) to --publish-http
    Http,
    /// PUBLISH to a Redis channel, by default in the form of ASP.NET Core's backplane
    Redis,
}

#[derive(Clone, Copy, ValueEnum, PartialEq, Debug)]
pub enum RedisForm {
    /// [ excluded, { json: bin, messagepack: bin } ] of --publish-target and --publish-args
    Aspnet,
    /// --publish-body as it is
    Raw,
}

#[derive(Args)]
#[command(after_help = "TEMPLATES (--publish-args, --publish-body)
  {{seq}}          message number, from 1
  {{ts}}           ns of CLOCK_MONOTONIC, an integer
  {{pad:N}}        N filler characters
  {{i}}, {{i%M}}   message number (modulo M), e.g. to walk over groups
In --subscribe-args {{i}} and {{i%M}} are the number of the subscriber.
A delivered record must carry \"seq\": and \"ts\": numbers, at any depth; a byte search finds
them. Use --expect-per-message where a message does not go to every subscriber.

ACCOUNTING
The warm-up's messages are drained before the measured part begins, so CPU, deliveries and
latency belong to the same messages. deliveries_per_s counts from the first measured publish
to the last delivery. Latency is from {{ts}} (just before the send; with --ts-intended the
planned time) to the return of the recv that delivered it: it includes queueing in the client
itself, see client_cores and CLIENT_SATURATED. A window of N stops the publisher while N
messages are not fully delivered.")]
pub struct Fanout {
    #[command(flatten)]
    pub c: Common,
    /// Subscribers
    #[arg(long, short = 'n', value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub subscribers: u32,
    /// Hub method that each subscriber calls first, and whose completion it awaits
    #[arg(long, value_name = "TARGET")]
    pub subscribe: Option<String>,
    /// Arguments of --subscribe
    #[arg(long, value_name = "JSON", default_value = "[]")]
    pub subscribe_args: String,
    /// Kind of publisher
    #[arg(long, value_enum, default_value = "invoke")]
    pub publisher: PubKind,
    /// invoke: hub URL of the publisher (default: the first --url)
    #[arg(long)]
    pub publish_url: Option<Url>,
    /// invoke: hub method called; redis: client method invoked
    #[arg(long, default_value = "Publish")]
    pub publish_target: String,
    /// invoke, redis: arguments, a JSON array (template)
    #[arg(
        long,
        value_name = "JSON",
        default_value = r#"["g",{"seq":{{seq}},"ts":{{ts}},"pad":"{{pad:100}}"}]"#
    )]
    pub publish_args: String,
    /// invoke: send without an invocation id, expect no completion
    #[arg(long)]
    pub fire_and_forget: bool,
    /// http: URL
    #[arg(long, value_name = "URL")]
    pub publish_http: Option<Url>,
    /// http: method
    #[arg(long, default_value = "POST", value_parser = ["POST", "PUT"])]
    pub publish_method: String,
    /// http: Content-Type
    #[arg(long, default_value = "application/json")]
    pub publish_content_type: String,
    /// http: request body; redis raw: message (template)
    #[arg(
        long,
        value_name = "TEXT",
        default_value = r#"{"seq":{{seq}},"ts":{{ts}},"pad":"{{pad:100}}"}"#
    )]
    pub publish_body: String,
    /// redis: server
    #[arg(long, default_value = "127.0.0.1:6379", value_parser = host_port)]
    pub redis: std::net::SocketAddrV4,
    /// redis: channel, e.g. "My.Namespace.ChatHub:all" or "...:group:NAME"
    #[arg(long)]
    pub channel: Option<String>,
    /// redis: form of the message
    #[arg(long, value_enum, default_value = "aspnet")]
    pub redis_form: RedisForm,
    /// redis aspnet: write nil instead of an empty array for the excluded ids
    #[arg(long)]
    pub redis_excluded_nil: bool,
    /// Unanswered publishes at one time (http: connections)
    #[arg(long, default_value = "8", value_parser = clap::value_parser!(u32).range(1..=10000))]
    pub inflight: u32,
    /// Messages per second, or max
    #[arg(long, default_value = "100")]
    pub rate: Rate,
    /// Messages published but not yet fully delivered, at most; 0: no limit [default: 0, with --rate max 64]
    #[arg(long)]
    pub window: Option<u64>,
    /// Seconds of publishing before the measured part
    #[arg(long, default_value = "2", value_parser = dur)]
    pub warmup: f64,
    /// Seconds of measured publishing
    #[arg(long, default_value = "10", value_parser = dur)]
    pub duration: f64,
    /// Limit for the drain after it, seconds
    #[arg(long, default_value = "10", value_parser = dur)]
    pub drain: f64,
    /// Bound on the number of messages
    #[arg(long, default_value = "100000000")]
    pub max_messages: u64,
    /// {{ts}} is the planned time of sending instead of the actual one (no coordinated omission)
    #[arg(long)]
    pub ts_intended: bool,
    /// Deliveries that each message should lead to [default: one per connected subscriber]
    #[arg(long, value_name = "M")]
    pub expect_per_message: Option<u64>,
    /// Name of the sequence number in the delivered record
    #[arg(long, default_value = "seq")]
    pub seq_key: String,
    /// Name of the time stamp in the delivered record
    #[arg(long, default_value = "ts")]
    pub ts_key: String,
    /// Seconds between the last subscriber's readiness and the first publish
    #[arg(long, default_value = "0.5", value_parser = dur)]
    pub settle: f64,
}

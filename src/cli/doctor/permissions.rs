//! Whether Redis lets this user do what an instance does: channels, keys, scripts.

use std::time::Duration;

use bytes::Bytes;
use tokio::time::timeout;

use super::{Report, finding::Finding};
use crate::{
    hubs::{backtests, bots, llm},
    redis::{RedisError, RedisService, Script, Subscribed},
    settings::Settings,
};

const SUBJECT: &str = "Redis permissions";
const SUBSCRIBE: Duration = Duration::from_secs(3);

static PROBE: Script = Script::new("return redis.call('EXISTS', KEYS[1])");

/// The hubs by name, with what .NET calls them here.
pub(super) fn type_names(settings: &Settings) -> [(&'static str, String); 3] {
    let named = |hub: &'static str, default: &str| {
        let configured = settings.signalr.hub(hub).type_name;
        (hub, configured.unwrap_or_else(|| default.to_owned()))
    };
    [
        named("llmhub", llm::TYPE_NAME),
        named("bothub", bots::TYPE_NAME),
        named("backtesthub", backtests::TYPE_NAME),
    ]
}

pub(super) async fn examine(redis: &RedisService, settings: &Settings, report: &mut Report) {
    let [(_, hub), ..] = type_names(settings);
    let refusals = [channels(redis, &hub).await, keys(redis).await];
    if refusals.iter().all(Option::is_none) {
        report.add(Finding::good(
            SUBJECT,
            "channels, keys and scripts are allowed",
        ));
    }
    report.add_all(refusals.into_iter().flatten());
}

async fn channels(redis: &RedisService, hub: &str) -> Option<Finding> {
    let channel = format!("{hub}:doctor");
    let prefix = redis.prefix();
    let publish = vec![Bytes::from(format!("{prefix}{channel}")), Bytes::new()];
    let (subscriber, _receiver) = redis.pub_sub().subscriber();
    let saw = match redis.command("PUBLISH", publish).await {
        Err(RedisError::Refused(text)) => {
            format!("no permission to publish on {prefix}{channel}: {text}")
        }
        Err(error) => format!("publishing failed: {error}"),
        Ok(_) => match timeout(SUBSCRIBE, subscriber.subscribe(vec![channel.clone()])).await {
            Ok(Subscribed::Confirmed) => return None,
            _ => format!("no permission to subscribe to {prefix}{channel}"),
        },
    };
    Some(Finding::fail(
        SUBJECT,
        saw,
        format!(
            "allow the channels: ACL SETUSER <user> '&{prefix}*' +publish +subscribe +unsubscribe +pubsub (without a prefix: allchannels)"
        ),
    ))
}

async fn keys(redis: &RedisService) -> Option<Finding> {
    let key = Bytes::from(redis.key("doctor"));
    let text = |text: &'static str| Bytes::from_static(text.as_bytes());
    let attempts: [(&'static str, Vec<Bytes>); 6] = [
        (
            "SET",
            vec![key.clone(), text("1"), text("PX"), text("1000")],
        ),
        ("GET", vec![key.clone()]),
        ("PEXPIRE", vec![key.clone(), text("1000")]),
        ("HGETALL", vec![Bytes::from(redis.key("doctor:hash"))]),
        (
            "ZRANGE",
            vec![Bytes::from(redis.key("doctor:set")), text("0"), text("1")],
        ),
        ("DEL", vec![key.clone()]),
    ];
    let mut refused = Vec::new();
    let mut why = None;
    for (name, arguments) in attempts {
        if let Err(error) = redis.command(name, arguments).await {
            refused.push(name);
            why.get_or_insert(error);
        }
    }
    if let Err(error) = redis
        .script(&PROBE, vec![redis.key("doctor")], Vec::new())
        .await
    {
        refused.push("EVALSHA");
        why.get_or_insert(error);
    }
    let why = why?.to_string();
    if why.contains("READONLY") {
        let saw = "this Redis is a replica: it takes no writes";
        return Some(Finding::fail(
            SUBJECT,
            saw,
            "name the primary, or the Sentinels with serviceName=",
        ));
    }
    Some(Finding::fail(
        SUBJECT,
        format!(
            "not allowed on {}*: {} ({why})",
            redis.prefix(),
            refused.join(", ")
        ),
        format!(
            "ACL SETUSER <user> '~{}*' +@read +@write +@scripting +@connection +info +time",
            redis.prefix()
        ),
    ))
}

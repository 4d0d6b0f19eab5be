//! `fanout`, from its options.

use serde_json::json;

use super::{cfg, config, need_files, watchdog};
use crate::{
    cli::{Fanout, PubKind, RedisForm},
    fanout::{self, FanCfg},
    publish::{Kind, PubCfg, RedisKind},
    stats::Report,
};

pub fn fanout(a: Fanout) -> Result<bool, String> {
    let cfg = cfg(&a.c)?;
    need_files(a.subscribers as u64 + a.inflight as u64)?;
    watchdog(
        a.c.connect_limit
            + a.c.connect_timeout * 2.0
            + a.settle
            + a.warmup
            + a.duration
            + a.drain
            + 5.0
            + 60.0,
    );
    let kind = kind(&a)?;
    let rate = a.rate.0;
    let window = a.window.unwrap_or(if rate.is_none() { 64 } else { 0 });
    let p = PubCfg {
        kind,
        inflight: a.inflight as usize,
        rate,
        window,
        warmup: a.warmup,
        duration: a.duration,
        drain: a.drain,
        max_messages: a.max_messages,
        ts_intended: a.ts_intended,
        per_message: 0,
    };
    let f = FanCfg {
        subscribers: a.subscribers as usize,
        subscribe: a.subscribe.clone(),
        subscribe_args: a.subscribe_args.clone(),
        seq_key: a.seq_key,
        ts_key: a.ts_key,
        settle: a.settle,
    };
    let mut rep = Report::new(
        "fanout",
        config(
            &a.c,
            json!({
                "subscribers": a.subscribers, "subscribe": a.subscribe, "subscribe_args": a.subscribe_args,
                "publisher": format!("{:?}", a.publisher).to_lowercase(),
                "publish_target": a.publish_target, "publish_args": a.publish_args, "publish_body": if a.publisher == PubKind::Http { Some(a.publish_body) } else { None },
                "channel": a.channel, "fire_and_forget": a.fire_and_forget, "inflight": a.inflight,
                "rate": rate.map(|r| json!(r)).unwrap_or(json!("max")), "window": window, "warmup_s": a.warmup, "duration_s": a.duration,
            }),
        ),
    );
    let ok = fanout::run(cfg, f, p, a.c.pid, a.expect_per_message, &mut rep)?;
    rep.finish(a.c.json.as_deref());
    Ok(ok)
}

/// The publisher that the options ask for.
fn kind(a: &Fanout) -> Result<Kind, String> {
    Ok(match a.publisher {
        PubKind::Invoke => Kind::Invoke {
            url: a.publish_url.clone().unwrap_or_else(|| a.c.url[0].clone()),
            target: a.publish_target.clone(),
            args: a.publish_args.clone(),
            fire_and_forget: a.fire_and_forget,
        },
        PubKind::Http => Kind::Http {
            url: a
                .publish_http
                .clone()
                .ok_or("--publisher http needs --publish-http")?,
            method: a.publish_method.clone(),
            content_type: a.publish_content_type.clone(),
            body: a.publish_body.clone(),
        },
        PubKind::Redis => Kind::Redis {
            addr: a.redis,
            channel: a
                .channel
                .clone()
                .ok_or("--publisher redis needs --channel")?,
            payload: match a.redis_form {
                RedisForm::Aspnet => RedisKind::Aspnet {
                    target: a.publish_target.clone(),
                    args: a.publish_args.clone(),
                    excluded_nil: a.redis_excluded_nil,
                },
                RedisForm::Raw => RedisKind::Raw(a.publish_body.clone()),
            },
        },
    })
}

//! From the options of `chat` to its run.

use std::sync::Arc;

use serde_json::json;

use super::{cfg, config, need_files, watchdog};
use crate::chat::{ChatCfg, chat, users};
use crate::cli::{Chat, ProtoArg};
use crate::stats::Report;

pub fn run(a: Chat) -> Result<bool, String> {
    if !matches!(a.c.protocol, ProtoArg::Json) {
        return Err("chat speaks JSON only".into());
    }
    let chat_cfg = ChatCfg {
        n: a.n as usize,
        tab_every: a.tab_every as usize,
        provider_port: a.provider_port,
        tokens: a.tokens,
        rate: a.rate.max(0.001),
        warmup: a.warmup,
        duration: a.duration,
    };
    let mut cfg = cfg(&a.c)?;
    let urls = users(&cfg.urls, &chat_cfg);
    Arc::get_mut(&mut cfg).expect("nobody else has it yet").urls = urls;
    // A viewer's connection, and its request to the provider.
    need_files(u64::from(a.n) * 3)?;
    watchdog(a.c.connect_limit + a.c.connect_timeout * 2.0 + a.warmup + a.duration + 60.0);
    let shown = json!({
        "n": a.n, "tab_every": a.tab_every, "tokens": a.tokens, "rate": a.rate,
        "warmup_s": a.warmup, "duration_s": a.duration,
    });
    let mut rep = Report::new("chat", config(&a.c, shown));
    let ok = chat(cfg, chat_cfg, a.c.pid, &mut rep)?;
    rep.finish(a.c.json.as_deref());
    Ok(ok)
}

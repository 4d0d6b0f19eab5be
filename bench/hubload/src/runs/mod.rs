//! From options to runs: limits, the configuration shown in the report, the command itself.

mod chat;
mod fanout;

use std::sync::Arc;

use serde_json::json;

use crate::{
    cli::*,
    client::*,
    commands, refserver,
    stats::{self, *},
    ws::Proto,
};

fn cfg(c: &Common) -> Result<Arc<Cfg>, String> {
    stats::THREADS.store(c.threads as usize, std::sync::atomic::Ordering::Relaxed);
    let mut headers = c.header.concat();
    if let Some(t) = &c.bearer {
        headers.push_str(&header(&format!("Authorization:Bearer {t}"))?);
    }
    Ok(Arc::new(Cfg {
        urls: c.url.clone(),
        proto: match c.protocol {
            ProtoArg::Json => Proto::Json,
            ProtoArg::Messagepack => Proto::Msgpack,
        },
        skip_negotiation: c.skip_negotiation,
        separate_negotiate: c.separate_negotiate,
        headers,
        srcs: if c.src == "none" {
            vec![]
        } else {
            parse_src(&c.src)?
        },
        congestion: c.congestion.clone(),
        connect_rate: c.connect_rate,
        concurrency: c.concurrency as usize,
        connect_timeout: secs(c.connect_timeout),
        connect_limit: secs(c.connect_limit),
        ping_every: secs(c.ping_interval),
        threads: c.threads as usize,
    }))
}

/// Ends the process if a run takes longer than the sum of its limits.
fn watchdog(s: f64) {
    std::thread::spawn(move || {
        std::thread::sleep(secs(s));
        eprintln!("hubload: over its time limit of {s} s, giving up");
        std::process::exit(124);
    });
}

fn config(c: &Common, extra: serde_json::Value) -> serde_json::Value {
    let mut j = json!({
        "urls": c.url.iter().map(|u| format!("http://{}{}", u.addr, u.path)).collect::<Vec<_>>().join(" "),
        "protocol": if matches!(c.protocol, ProtoArg::Json) { "json" } else { "messagepack" },
        "threads": c.threads,
        "skip_negotiation": c.skip_negotiation,
    });
    for (k, v) in extra.as_object().unwrap() {
        j[k.as_str()] = v.clone();
    }
    j
}

/// Raises RLIMIT_NOFILE as far as this process may, and says so plainly when that is not enough.
fn need_files(n: u64) -> Result<(), String> {
    const OWN: u64 = 50; // runtime, publisher, /proc readings
    let have = raise_nofile(n + 1000);
    if have < n + OWN {
        return Err(format!(
            "{n} connections need {} file descriptors, and RLIMIT_NOFILE can only be raised to {have} here (going beyond the hard \
             limit takes CAP_SYS_RESOURCE). At most {} connections from one process; the server has a limit of its own.",
            n + OWN,
            have.saturating_sub(OWN)
        ));
    }
    Ok(())
}

/// Runs the command. True: nothing went wrong.
pub fn go(cli: Cli) -> Result<bool, String> {
    match cli.cmd {
        Cmd::Refserver(r) => refserver_run(r),
        Cmd::Idle(a) => idle(a),
        Cmd::Echo(a) => echo(a),
        Cmd::Stream(a) => stream(a),
        Cmd::Churn(a) => churn(a),
        Cmd::Chat(a) => chat::run(a),
        Cmd::Fanout(a) => fanout::fanout(*a),
    }
}

fn refserver_run(r: Ref) -> Result<bool, String> {
    if !r.listen.is_loopback() {
        return Err("--listen: only 127.0.0.0/8".into());
    }
    if r.max_time > 0.0 {
        let t = r.max_time;
        std::thread::spawn(move || {
            std::thread::sleep(secs(t));
            std::process::exit(0);
        });
    }
    refserver::run(refserver::RefCfg {
        listen: r.listen,
        port: r.port,
        threads: r.threads as usize,
        shared: !r.no_shared,
        batch: r.batch,
        deliver: r.deliver,
        congestion: r.congestion,
    })
}

fn idle(a: Idle) -> Result<bool, String> {
    let cfg = cfg(&a.c)?;
    need_files(a.n as u64)?;
    watchdog(a.c.connect_limit + a.c.connect_timeout * 2.0 + a.hold + 60.0);
    let mut rep = Report::new("idle", config(&a.c, json!({ "n": a.n, "hold_s": a.hold })));
    let ok = commands::idle(cfg, a.n as usize, a.hold, a.settle, a.c.pid, &mut rep)?;
    rep.finish(a.c.json.as_deref());
    Ok(ok)
}

fn echo(a: Echo) -> Result<bool, String> {
    let cfg = cfg(&a.c)?;
    need_files(a.n as u64)?;
    watchdog(a.c.connect_limit + a.c.connect_timeout * 2.0 + a.warmup + a.duration + 60.0);
    let mut rep = Report::new(
        "echo",
        config(
            &a.c,
            json!({ "n": a.n, "inflight": a.inflight, "target": a.target, "args": a.args, "rate": a.rate, "warmup_s": a.warmup, "duration_s": a.duration }),
        ),
    );
    let e = commands::EchoCfg {
        n: a.n as usize,
        inflight: a.inflight as usize,
        target: a.target,
        args: a.args,
        rate: a.rate,
        warmup: a.warmup,
        duration: a.duration,
    };
    let ok = commands::echo(cfg, e, a.c.pid, &mut rep)?;
    rep.finish(a.c.json.as_deref());
    Ok(ok)
}

fn stream(a: Stream) -> Result<bool, String> {
    let cfg = cfg(&a.c)?;
    need_files(a.n as u64)?;
    watchdog(a.c.connect_limit + a.c.connect_timeout * 2.0 + a.warmup + a.duration + 60.0);
    let mut rep = Report::new(
        "stream",
        config(
            &a.c,
            json!({ "n": a.n, "streams": a.streams, "target": a.target, "args": a.args, "once": a.once, "warmup_s": a.warmup, "duration_s": a.duration }),
        ),
    );
    let s = commands::StreamCfg {
        n: a.n as usize,
        streams: a.streams as usize,
        target: a.target,
        args: a.args,
        once: a.once,
        expect: a.expect_items,
        warmup: a.warmup,
        duration: a.duration,
    };
    let ok = commands::stream(cfg, s, a.c.pid, &mut rep)?;
    rep.finish(a.c.json.as_deref());
    Ok(ok)
}

fn churn(a: Churn) -> Result<bool, String> {
    let cfg = cfg(&a.c)?;
    need_files(a.c.concurrency as u64 * 2)?;
    watchdog(a.c.connect_timeout * 2.0 + a.warmup + a.duration + 60.0);
    let mut rep = Report::new(
        "churn",
        config(
            &a.c,
            json!({ "concurrency": a.c.concurrency, "separate_negotiate": a.c.separate_negotiate, "warmup_s": a.warmup, "duration_s": a.duration }),
        ),
    );
    let ok = commands::churn(cfg, a.duration, a.warmup, a.max, a.c.pid, &mut rep)?;
    rep.finish(a.c.json.as_deref());
    Ok(ok)
}

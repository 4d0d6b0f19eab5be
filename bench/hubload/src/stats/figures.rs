//! CPU and memory of a run, per unit of work.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{Pid, Snap};

/// Worker threads of this run, to tell when the client itself is the limit.
pub static THREADS: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(1);

/// CPU used between two readings, and work per CPU second.
pub fn cpu_json(pids: &[Pid], a: &Snap, b: &Snap, unit: &str, work: u64) -> Value {
    let wall = (b.at.saturating_sub(a.at)) as f64 / 1e9;
    let client = b.client_ns.saturating_sub(a.client_ns) as f64 / 1e9;
    let mut m = Map::new();
    m.insert("window_s".into(), r3(wall));
    m.insert("client_cpu_s".into(), r3(client));
    m.insert("client_cores".into(), r3(client / wall.max(1e-9)));
    if client / wall.max(1e-9) > 0.9 * THREADS.load(std::sync::atomic::Ordering::Relaxed) as f64 {
        m.insert("CLIENT_SATURATED".into(), json!(true));
    }
    let mut total = 0.0;
    for (i, p) in pids.iter().enumerate() {
        let c = b.procs[i].cpu_ns.saturating_sub(a.procs[i].cpu_ns) as f64 / 1e9;
        total += c;
        m.insert(format!("{}_cpu_s", p.name), r3(c));
        m.insert(
            format!("{}_user_s", p.name),
            r3(b.procs[i].user_ns.saturating_sub(a.procs[i].user_ns) as f64 / 1e9),
        );
        m.insert(
            format!("{}_sys_s", p.name),
            r3(b.procs[i].sys_ns.saturating_sub(a.procs[i].sys_ns) as f64 / 1e9),
        );
        m.insert(format!("{}_cores", p.name), r3(c / wall.max(1e-9)));
        if !b.procs[i].alive {
            m.insert(format!("{}_DEAD", p.name), json!(true));
        }
    }
    let per = |c: f64| {
        if c > 0.0 {
            json!((work as f64 / c).round() as u64)
        } else {
            Value::Null
        }
    };
    if !pids.is_empty() {
        m.insert("server_cpu_s".into(), r3(total));
        if work > 0 {
            m.insert(format!("{unit}_per_server_cpu_s"), per(total));
            let one = match unit.strip_suffix("ies") {
                Some(u) => format!("{u}y"),
                None => unit.trim_end_matches('s').to_string(),
            };
            m.insert(
                format!("server_us_per_{one}"),
                r3(total * 1e6 / work as f64),
            );
        }
    }
    if work > 0 {
        m.insert(format!("{unit}_per_client_cpu_s"), per(client));
    }
    Value::Object(m)
}

/// Memory of the watched processes over a run.
pub fn mem_json(pids: &[Pid], before: &Snap, after: &Snap, peak: &[u64], conns: u64) -> Value {
    let mut m = Map::new();
    for (i, p) in pids.iter().enumerate() {
        let (b, a) = (&before.procs[i], &after.procs[i]);
        let mut o = Map::new();
        o.insert("rss_before".into(), json!(b.rss));
        o.insert("rss_after".into(), json!(a.rss));
        o.insert(
            "rss_peak".into(),
            json!(peak.get(i).copied().unwrap_or(0).max(a.rss)),
        );
        if conns > 0 {
            o.insert(
                "rss_per_conn".into(),
                json!((a.rss as f64 - b.rss as f64) / conns as f64)
                    .as_f64()
                    .map(|x| json!(x.round()))
                    .unwrap(),
            );
        }
        if let (Some(pb), Some(pa)) = (b.pss, a.pss) {
            o.insert("pss_before".into(), json!(pb));
            o.insert("pss_after".into(), json!(pa));
            if conns > 0 {
                o.insert(
                    "pss_per_conn".into(),
                    json!(((pa as f64 - pb as f64) / conns as f64).round()),
                );
            }
        }
        o.insert("threads".into(), json!(a.threads));
        m.insert(p.name.clone(), Value::Object(o));
    }
    Value::Object(m)
}

pub fn counts(m: &BTreeMap<String, u64>) -> Value {
    Value::Object(m.iter().map(|(k, v)| (k.clone(), json!(v))).collect())
}

pub fn r3(x: f64) -> Value {
    json!((x * 1000.0).round() / 1000.0)
}

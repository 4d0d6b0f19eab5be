//! Sections in order: printed as a table and written as JSON.

use serde_json::{Map, Value, json};

/// Sections in order of insertion; printed as a table and written as JSON.
pub struct Report {
    pub root: Map<String, Value>,
}

impl Report {
    pub fn new(cmd: &str, config: Value) -> Report {
        let mut root = Map::new();
        root.insert(
            "tool".into(),
            json!(concat!("hubload ", env!("CARGO_PKG_VERSION"))),
        );
        root.insert("command".into(), json!(cmd));
        root.insert(
            "unix_time".into(),
            json!(
                std::time::SystemTime::now()
                    .duration_since(std::time::UNIX_EPOCH)
                    .map(|d| d.as_secs())
                    .unwrap_or(0)
            ),
        );
        root.insert("config".into(), config);
        Report { root }
    }

    pub fn put(&mut self, k: &str, v: Value) {
        self.root.insert(k.into(), v);
    }

    pub fn finish(&self, json_file: Option<&str>) {
        let mut out = String::new();
        for (k, v) in &self.root {
            if k == "tool" || k == "unix_time" {
                continue;
            }
            line(&mut out, k, v);
        }
        print!("{out}");
        if let Some(f) = json_file {
            let text = serde_json::to_string_pretty(&self.root).unwrap();
            if let Err(e) = std::fs::write(f, text + "\n") {
                eprintln!("hubload: cannot write {f}: {e}");
                std::process::exit(1);
            }
        }
    }
}

pub fn line(out: &mut String, name: &str, v: &Value) {
    const LABEL: usize = 15;
    const WIDTH: usize = 118;
    let Value::Object(m) = v else {
        out.push_str(&format!("{name:<LABEL$} {}\n", fmt(name, v)));
        return;
    };
    let mut items = Vec::new();
    let mut nested = Vec::new();
    for (k, x) in m {
        if let (Value::Object(_), true) = (x, true) {
            nested.push((k, x));
            continue;
        }
        if x.is_null() {
            continue;
        }
        items.push(format!("{k} {}", fmt(k, x)));
    }
    let mut cur = format!("{name:<LABEL$}");
    let mut any = false;
    for it in items {
        if any && cur.chars().count() + it.chars().count() + 3 > WIDTH {
            out.push_str(cur.trim_end());
            out.push('\n');
            cur = " ".repeat(LABEL);
        }
        cur.push_str(if cur.trim_end().len() < cur.len() || cur.len() <= LABEL {
            " "
        } else {
            "   "
        });
        cur.push_str(&it);
        any = true;
    }
    if any {
        out.push_str(cur.trim_end());
        out.push('\n');
    }
    for (k, x) in nested {
        if x.as_object().is_some_and(|o| !o.is_empty()) {
            line(out, &format!("{name}.{k}"), x);
        }
    }
}

pub fn group(n: u64) -> String {
    let s = n.to_string();
    let mut o = String::new();
    for (i, c) in s.chars().enumerate() {
        if i > 0 && (s.len() - i).is_multiple_of(3) {
            o.push('\u{202f}');
        }
        o.push(c);
    }
    o.replace('\u{202f}', "_")
}

pub fn fmt(key: &str, v: &Value) -> String {
    match v {
        Value::String(s) => s.clone(),
        Value::Number(n) => {
            if let (true, Some(b)) = (
                key.starts_with("rss_") || key.starts_with("pss_") || key.starts_with("tcp_mem"),
                n.as_f64(),
            ) {
                return if b.abs() >= 10.0 * 1048576.0 {
                    format!("{:.1}MiB", b / 1048576.0)
                } else if b.abs() >= 10.0 * 1024.0 {
                    format!("{:.1}KiB", b / 1024.0)
                } else {
                    format!("{b:.0}B")
                };
            }
            if let (true, Some(x)) = (key.ends_with("_us"), n.as_f64()) {
                return if x >= 10_000.0 {
                    format!("{:.1}ms", x / 1000.0)
                } else {
                    format!("{x:.1}us")
                };
            }
            match (n.as_u64(), n.as_f64()) {
                (Some(u), _) => group(u),
                (None, Some(x)) if x >= 0.0 && x.fract() == 0.0 => group(x as u64),
                _ => n.to_string(),
            }
        }
        _ => v.to_string(),
    }
}

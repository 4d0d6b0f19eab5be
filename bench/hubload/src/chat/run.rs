//! The run: viewers and tabs connect, ask, and are measured for a while.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use serde_json::{Value, json};

use super::provider::{self, Pace};
use super::said::Said;
use super::seat::{Seat, Seated};
use super::tab::{Second, Tab};
use super::viewer::Viewer;
use crate::client::{
    Cfg, ConnStats, Handler, Opened, STOP, Shared, Url, Worker, close_all, connect_all,
    connect_json, launch, pump, wait_connected,
};
use crate::commands::{DRAIN, MEASURE, START, pause};
use crate::stats::{Pid, Report, counts, cpu_json, hist_json, mem_json, now_ns, secs, snap};

pub struct ChatCfg {
    pub n: usize,
    pub tab_every: usize,
    pub provider_port: u16,
    pub tokens: u64,
    pub rate: f64,
    pub warmup: f64,
    pub duration: f64,
}

/// Each viewer is a user of its own; a second tab is of its viewer's.
pub fn users(urls: &[Url], c: &ChatCfg) -> Vec<Url> {
    let tabs = tabs(c).map(|tab| tab * c.tab_every);
    let users = (0..c.n).chain(tabs).enumerate();
    let url = |(i, user): (usize, usize)| {
        let mut url = urls[i % urls.len()].clone();
        url.query = format!("user=bench-{user}");
        url
    };
    users.map(url).collect()
}

fn tabs(c: &ChatCfg) -> std::ops::Range<usize> {
    0..c.n.checked_div(c.tab_every).unwrap_or(0)
}

pub fn chat(cfg: Arc<Cfg>, c: ChatCfg, pids: Vec<Pid>, rep: &mut Report) -> Result<bool, String> {
    let pace = Pace {
        tokens: c.tokens,
        per_second: c.rate,
    };
    provider::start(c.provider_port, pace)?;
    let c = Arc::new(c);
    let shared = Shared::new(cfg.threads);
    let before = snap(&pids, true);
    let c2 = c.clone();
    let handles = launch(&cfg, &shared, move |w| work(w, c2.clone()));
    wait_connected(&shared, &cfg);
    let up = shared.ready.load(Relaxed);
    eprintln!("hubload: {up} connections up");
    let after = snap(&pids, true);
    let mut peak = Vec::new();
    shared.set_phase(START);
    pause(c.warmup, &shared, &pids, &mut peak);
    shared.set_phase(MEASURE);
    let (a, t0, n0) = (snap(&pids, false), now_ns(), shared.total());
    let mut memory = Vec::new();
    // Ten looks at the memory say whether it is flat.
    for _ in 0..10 {
        pause(c.duration / 10.0, &shared, &pids, &mut peak);
        memory.push(snap(&pids, false).procs.iter().map(|p| p.rss).sum::<u64>());
    }
    let (b, t1, n1) = (snap(&pids, false), now_ns(), shared.total());
    let lost = shared.lost.load(Relaxed);
    shared.set_phase(DRAIN);
    std::thread::sleep(Duration::from_millis(200));
    shared.set_phase(STOP);
    let (mut said, mut st) = (Said::new(), ConnStats::new());
    for h in handles {
        let (s, connections) = h.join().map_err(|_| "worker panicked")?;
        said.merge(&s);
        st.merge(connections);
    }
    rep.put("connect", connect_json(&shared, &st));
    for (name, map) in [("failures", &st.failures), ("ends", &st.ends)] {
        if !map.is_empty() {
            rep.put(name, counts(map));
        }
    }
    let seconds = (t1 - t0) as f64 / 1e9;
    rep.put("answers", answers(&said, (n1 - n0) as f64 / seconds, lost));
    rep.put("first_token", hist_json(&said.first));
    rep.put("newest_token", hist_json(&said.newest));
    rep.put("oldest_token", hist_json(&said.oldest));
    rep.put("cpu", cpu_json(&pids, &a, &b, "tokens", n1 - n0));
    if !pids.is_empty() {
        rep.put("memory", mem_json(&pids, &before, &after, &peak, up));
        let megabytes = memory.iter().map(|rss| rss.div_ceil(1 << 20).to_string());
        let megabytes: Vec<_> = megabytes.collect();
        rep.put("rss_mib_over_time", json!(megabytes.join(" ")));
    }
    let fine = said.failed + said.gaps + said.wrong + lost == 0 && said.finished > 0;
    Ok(st.failures.is_empty() && fine)
}

fn answers(said: &Said, tokens_per_s: f64, lost: u64) -> Value {
    json!({
        "finished": said.finished, "tokens_per_s": tokens_per_s.round(), "events": said.events,
        "tokens": said.tokens, "failed": said.failed, "gaps": said.gaps,
        "wrong_length": said.wrong, "connections_lost": lost,
    })
}

/// One worker's viewers and tabs.
async fn work(w: Rc<Worker>, c: Arc<ChatCfg>) -> Said {
    let said = Rc::new(RefCell::new(Said::new()));
    let seconds: Rc<RefCell<HashMap<usize, Rc<Second>>>> = Rc::default();
    let (w2, said2) = (w.clone(), said.clone());
    let total = c.n + tabs(&c).len();
    let c2 = c.clone();
    let connecting = connect_all(&w, total, move |i, opened| {
        let is_tab = i >= c2.n;
        let user = if is_tab { (i - c2.n) * c2.tab_every } else { i };
        let has_tab = c2.tab_every > 0 && user % c2.tab_every == 0;
        let second = has_tab.then(|| seconds.borrow_mut().entry(user).or_default().clone());
        let w = w2.clone();
        let seat = Seat::new(&w, &said2);
        if let (true, Some(second)) = (is_tab, &second) {
            second.is_there(&opened.conn);
            let tab = Seated {
                seat,
                role: Tab::default(),
            };
            tokio::task::spawn_local(follow(w, opened, tab));
            return None;
        }
        let role = Viewer::new(c2.tokens, second);
        let viewer = Seated { seat, role };
        // The answers of all begin one after the other, as those of people do.
        let span = c2.tokens as f64 / c2.rate;
        let delay = secs(span.min(c2.warmup) * i as f64 / c2.n as f64);
        tokio::task::spawn_local(begin(w, opened, viewer, delay));
        None
    });
    connecting.await;
    let counting = async {
        loop {
            let tokens = said.borrow().tokens;
            w.shared.progress[w.idx].0.store(tokens, Relaxed);
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::select! {
        () = w.wait_phase(STOP) => {}
        () = counting => {}
    }
    close_all(&w).await;
    said.replace(Said::new())
}

async fn begin(w: Rc<Worker>, opened: Opened, mut viewer: Seated<Viewer>, delay: Duration) {
    w.wait_phase(START).await;
    tokio::time::sleep(delay).await;
    viewer.role.ask(&mut viewer.seat);
    viewer.end(&opened.conn);
    follow(w, opened, viewer).await;
}

async fn follow<H: Handler>(w: Rc<Worker>, mut opened: Opened, mut handler: H) {
    for record in opened.extra.drain(..) {
        handler.record(&record);
    }
    let why = pump(&opened.conn, &mut opened.wire, &mut handler).await;
    w.ended(&opened.conn, why);
}

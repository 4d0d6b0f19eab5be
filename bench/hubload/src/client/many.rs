//! Opening and closing many connections.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use tokio::sync::oneshot;

use super::{Opened, Worker, open};
use crate::stats::now_ns;
use crate::ws;

pub type Ready = Option<oneshot::Receiver<Result<(), String>>>;

/// Opens this worker's share of `total` connections, at the configured rate and concurrency.
/// `on_open` gets each one (with its number) and must start a pump for it; where it returns a
/// receiver, the connection counts as ready when that answers.
pub async fn connect_all<F>(w: &Rc<Worker>, total: usize, on_open: F)
where
    F: Fn(usize, Opened) -> Ready + 'static,
{
    let cfg = &w.cfg;
    let t0 = tokio::time::Instant::now();
    let next = Rc::new(Cell::new(w.idx));
    let on_open = Rc::new(on_open);
    let lanes = cfg
        .concurrency
        .div_ceil(cfg.threads)
        .max(1)
        .min(total.max(1));
    let mut tasks = Vec::new();
    w.shared.connect_first.fetch_min(now_ns(), Relaxed);
    for _ in 0..lanes {
        let (w, next, on_open) = (w.clone(), next.clone(), on_open.clone());
        tasks.push(tokio::task::spawn_local(async move {
            let cfg = &w.cfg;
            loop {
                let i = next.get();
                if i >= total || w.shared.stopping.load(Relaxed) {
                    return;
                }
                next.set(i + cfg.threads);
                if cfg.connect_rate > 0.0 {
                    let at = t0 + Duration::from_secs_f64(i as f64 / cfg.connect_rate);
                    if at > tokio::time::Instant::now() {
                        tokio::time::sleep_until(at).await;
                    }
                }
                if t0.elapsed() > cfg.connect_limit {
                    w.shared.failed.fetch_add(1, Relaxed);
                    w.st.borrow_mut()
                        .fail("not tried: connect phase over its limit".into());
                    continue;
                }
                let r = match open(cfg, &cfg.urls[i % cfg.urls.len()], w.src_for(i)).await {
                    Ok(o) => {
                        let steps = o.steps;
                        let conn = o.conn.clone();
                        match on_open(i, o) {
                            None => Ok((steps, conn)),
                            Some(rx) => match tokio::time::timeout(cfg.connect_timeout, rx).await {
                                Ok(Ok(Ok(()))) => Ok((steps, conn)),
                                Ok(Ok(Err(e))) => Err(format!("subscribe: {e}")),
                                Ok(Err(_)) => Err("subscribe: connection ended".into()),
                                Err(_) => Err("subscribe: timeout".into()),
                            },
                        }
                    }
                    Err(e) => Err(e),
                };
                match r {
                    Ok((steps, conn)) => {
                        let mut st = w.st.borrow_mut();
                        st.ok += 1;
                        for (h, s) in st.steps.iter_mut().zip(steps) {
                            h.saturating_record(s.max(1));
                        }
                        w.conns.borrow_mut().push(conn);
                        w.shared.ready.fetch_add(1, Relaxed);
                        w.shared.connect_last.fetch_max(now_ns(), Relaxed);
                    }
                    Err(e) => {
                        w.shared.failed.fetch_add(1, Relaxed);
                        w.st.borrow_mut().fail(e);
                    }
                }
            }
        }));
    }
    for t in tasks {
        let _ = t.await;
    }
    w.shared.workers_connected.fetch_add(1, Relaxed);
}

/// Says goodbye on every connection: a close frame, then the write side is shut.
pub async fn close_all(w: &Rc<Worker>) {
    let conns = std::mem::take(&mut *w.conns.borrow_mut());
    let n = conns.len();
    for (i, c) in conns.iter().enumerate() {
        if !c.dead.get() {
            c.send_frame(ws::OP_CLOSE, &1000u16.to_be_bytes());
        }
        if i % 500 == 499 {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
    // the pumps see the servers' answers; whoever has not answered is dropped
    let until = now_ns() + 2_000_000_000 + n as u64 * 20_000;
    while now_ns() < until && conns.iter().any(|c| !c.dead.get()) {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    for c in &conns {
        if !c.dead.get() {
            c.abort_on_drop();
        }
    }
}

//! Worker threads, each with a runtime and connections of its own.

use std::cell::RefCell;
use std::future::Future;
use std::net::Ipv4Addr;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use super::{Cfg, Conn, ConnStats, Shared, bump};
use crate::ws;
use crate::ws::Proto;

pub struct Worker {
    pub idx: usize,
    pub cfg: Arc<Cfg>,
    pub shared: Arc<Shared>,
    pub st: RefCell<ConnStats>,
    pub conns: RefCell<Vec<Rc<Conn>>>,
}

impl Worker {
    pub fn src_for(&self, i: usize) -> Option<Ipv4Addr> {
        if self.cfg.srcs.is_empty() {
            None
        } else {
            Some(self.cfg.srcs[i % self.cfg.srcs.len()])
        }
    }

    /// Counts the end of a connection that was up.
    pub fn ended(&self, conn: &Conn, why: String) {
        conn.dead.set(true);
        if !self.shared.stopping.load(Relaxed) {
            self.shared.lost.fetch_add(1, Relaxed);
            bump(&mut self.st.borrow_mut().ends, why);
        }
    }

    pub async fn wait_phase(&self, at_least: u8) {
        let mut rx = self.shared.phase.subscribe();
        let _ = rx.wait_for(|p| *p >= at_least).await;
    }
}

/// Starts `threads` workers and runs `f` on each, in a current-thread runtime of its own.
pub fn launch<F, Fut, R>(
    cfg: &Arc<Cfg>,
    shared: &Arc<Shared>,
    f: F,
) -> Vec<std::thread::JoinHandle<(R, ConnStats)>>
where
    F: Fn(Rc<Worker>) -> Fut + Clone + Send + 'static,
    Fut: Future<Output = R> + 'static,
    R: Send + 'static,
{
    (0..cfg.threads)
        .map(|idx| {
            let (cfg, shared, f) = (cfg.clone(), shared.clone(), f.clone());
            std::thread::Builder::new()
                .name(format!("worker{idx}"))
                .spawn(move || {
                    let rt = runtime();
                    let w = Rc::new(Worker {
                        idx,
                        cfg,
                        shared,
                        st: RefCell::new(ConnStats::new()),
                        conns: RefCell::new(Vec::new()),
                    });
                    let w2 = w.clone();
                    let r = rt.block_on(async move {
                        tokio::task::spawn_local(pinger(w2.clone()));
                        f(w2).await
                    });
                    let st = w.st.replace(ConnStats::new());
                    drop(rt);
                    (r, st)
                })
                .expect("thread")
        })
        .collect()
}

pub fn runtime() -> tokio::runtime::LocalRuntime {
    tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .enable_time()
        .max_io_events_per_tick(1024)
        .event_interval(512)
        .build_local(Default::default())
        .expect("tokio runtime")
}

/// Pings every connection once per `ping_every`, a slice of them every 100 ms.
pub async fn pinger(w: Rc<Worker>) {
    let every = w.cfg.ping_every;
    if every.is_zero() {
        return;
    }
    let slices = (every.as_millis() / 100).max(1) as usize;
    let mut tick = tokio::time::interval(Duration::from_millis(100));
    let payload: &[u8] = match w.cfg.proto {
        Proto::Json => b"{\"type\":6}\x1e",
        Proto::Msgpack => b"\x02\x91\x06",
    };
    let mut frame = Vec::new();
    let mut n = 0;
    loop {
        tick.tick().await;
        let conns = w.conns.borrow();
        for c in conns.iter().skip(n % slices).step_by(slices) {
            if !c.dead.get() {
                frame.clear();
                ws::put_frame(&mut frame, w.cfg.proto.op(), payload, ws::rand_mask());
                c.send_outside(&frame);
            }
        }
        drop(conns);
        n += 1;
    }
}

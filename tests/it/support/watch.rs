//! Bystanders: ordinary clients that keep calling the server while a test does its worst. They run on
//! a thread of their own, so that what they measure is the server and not the test.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::json;

use super::hub_client::HubClient;

/// What a bystander may wait for an answer; a server that is stuck takes far longer.
const USUAL: Duration = Duration::from_secs(1);
const WORST: Duration = Duration::from_secs(5);

pub struct Watch {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Vec<Duration>>,
}

impl Watch {
    pub fn start(address: SocketAddr) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            runtime
                .expect("a runtime can be made")
                .block_on(call_until(address, &stopped))
        });
        Self { stop, thread }
    }

    /// Every call was answered, and in time.
    pub fn assert_undisturbed(self) {
        self.stop.store(true, Ordering::Relaxed);
        let mut took = self
            .thread
            .join()
            .expect("the bystander was answered to the end");
        took.sort();
        let p99 = took[(took.len() * 99).div_ceil(100) - 1];
        let worst = took[took.len() - 1];
        println!(
            "bystander: {} calls, p99 {p99:?}, worst {worst:?}",
            took.len()
        );
        assert!(
            p99 < USUAL && worst < WORST,
            "bystanders waited: p99 {p99:?}, worst {worst:?}"
        );
    }
}

async fn call_until(address: SocketAddr, stop: &AtomicBool) -> Vec<Duration> {
    let mut client = HubClient::connect(address, "").await;
    let mut took = Vec::new();
    loop {
        let text = format!("call {}", took.len());
        let began = Instant::now();
        assert_eq!(client.invoke("Echo", json!([text])).await, text);
        took.push(began.elapsed());
        if stop.load(Ordering::Relaxed) {
            return took;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

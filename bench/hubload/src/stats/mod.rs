//! Clocks, /proc readings, histograms, and the report (table + JSON).

mod clock;
mod figures;
mod process;
mod report;

pub use clock::{Hist, hist, hist_json, now_ns, secs};
pub use figures::{THREADS, counts, cpu_json, mem_json};
pub use process::{Pid, Snap, raise_nofile, snap, tcp_mem, track_peak};
pub use report::Report;

//! What /proc and the CPU clocks tell of a process.

use super::now_ns;

pub fn cpu_clock(id: libc::clockid_t) -> Option<u64> {
    let mut ts = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    (unsafe { libc::clock_gettime(id, &mut ts) } == 0)
        .then(|| ts.tv_sec as u64 * 1_000_000_000 + ts.tv_nsec as u64)
}

/// CPU time of this process, ns.
pub fn self_cpu_ns() -> u64 {
    cpu_clock(libc::CLOCK_PROCESS_CPUTIME_ID).unwrap_or(0)
}

#[derive(Clone, Debug)]
pub struct Pid {
    pub name: String,
    pub pid: i32,
}

impl std::str::FromStr for Pid {
    type Err = String;
    fn from_str(s: &str) -> Result<Self, String> {
        let (name, pid) = s.split_once('=').ok_or("expected NAME=PID")?;
        let pid: i32 = pid.parse().map_err(|_| "PID must be a number")?;
        if !std::path::Path::new(&format!("/proc/{pid}/stat")).exists() {
            return Err(format!("there is no process {pid}"));
        }
        Ok(Pid {
            name: name.to_string(),
            pid,
        })
    }
}

#[derive(Clone, Copy, Default, Debug)]
pub struct Proc {
    pub alive: bool,
    /// total, to the ns (the process's CPU clock)
    pub cpu_ns: u64,
    /// the split, to the clock tick of 10 ms
    pub user_ns: u64,
    pub sys_ns: u64,
    pub rss: u64,
    pub hwm: u64,
    pub pss: Option<u64>,
    pub threads: u64,
}

pub fn kb(text: &str, key: &str) -> Option<u64> {
    let l = text.lines().find(|l| l.starts_with(key))?;
    Some(l.split_whitespace().nth(1)?.parse::<u64>().ok()? * 1024)
}

pub fn sample(pid: i32, with_pss: bool) -> Proc {
    let mut p = Proc::default();
    if let Ok(s) = std::fs::read_to_string(format!("/proc/{pid}/stat"))
        && let Some(i) = s.rfind(')')
    {
        let f: Vec<&str> = s[i + 1..].split_whitespace().collect();
        let tick = 1_000_000_000 / unsafe { libc::sysconf(libc::_SC_CLK_TCK) }.max(1) as u64;
        let n = |i: usize| f.get(i).and_then(|x| x.parse::<u64>().ok()).unwrap_or(0);
        p.alive = f.first() != Some(&"Z");
        p.user_ns = n(11) * tick;
        p.sys_ns = n(12) * tick;
        p.cpu_ns = p.user_ns + p.sys_ns;
    }
    let mut id: libc::clockid_t = 0;
    if unsafe { libc::clock_getcpuclockid(pid, &mut id) } == 0
        && let Some(ns) = cpu_clock(id)
    {
        p.cpu_ns = ns;
    }
    if let Ok(s) = std::fs::read_to_string(format!("/proc/{pid}/status")) {
        p.rss = kb(&s, "VmRSS:").unwrap_or(0);
        p.hwm = kb(&s, "VmHWM:").unwrap_or(0);
        p.threads = s
            .lines()
            .find(|l| l.starts_with("Threads:"))
            .and_then(|l| l[8..].trim().parse().ok())
            .unwrap_or(0);
    }
    if with_pss {
        p.pss = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup"))
            .ok()
            .and_then(|s| kb(&s, "Pss:"));
    }
    p
}

/// One reading of the client and all watched processes.
#[derive(Clone, Debug)]
pub struct Snap {
    pub at: u64,
    pub client_ns: u64,
    pub procs: Vec<Proc>,
}

pub fn snap(pids: &[Pid], with_pss: bool) -> Snap {
    Snap {
        client_ns: self_cpu_ns(),
        procs: pids.iter().map(|p| sample(p.pid, with_pss)).collect(),
        at: now_ns(),
    }
}

/// Keeps the largest RSS seen.
pub fn track_peak(pids: &[Pid], peak: &mut Vec<u64>) {
    peak.resize(pids.len(), 0);
    for (i, p) in pids.iter().enumerate() {
        peak[i] = peak[i].max(sample(p.pid, false).rss);
    }
}

/// Pages that the kernel holds for TCP buffers, machine-wide, in bytes; and sockets in use.
pub fn tcp_mem() -> Option<(u64, u64)> {
    let s = std::fs::read_to_string("/proc/net/sockstat").ok()?;
    let l = s.lines().find(|l| l.starts_with("TCP:"))?;
    let f: Vec<&str> = l.split_whitespace().collect();
    let get = |k: &str| {
        f.iter()
            .position(|x| *x == k)
            .and_then(|i| f.get(i + 1))
            .and_then(|x| x.parse::<u64>().ok())
    };
    Some((get("mem")? * 4096, get("inuse")?))
}

pub fn raise_nofile(want: u64) -> u64 {
    unsafe {
        let mut r: libc::rlimit = std::mem::zeroed();
        libc::getrlimit(libc::RLIMIT_NOFILE, &mut r);
        if r.rlim_cur < want {
            // root (CAP_SYS_RESOURCE) may raise the hard limit too; fall back to the hard limit
            let hi = libc::rlimit {
                rlim_cur: want,
                rlim_max: r.rlim_max.max(want),
            };
            if libc::setrlimit(libc::RLIMIT_NOFILE, &hi) != 0 {
                let lo = libc::rlimit {
                    rlim_cur: r.rlim_max,
                    rlim_max: r.rlim_max,
                };
                libc::setrlimit(libc::RLIMIT_NOFILE, &lo);
            }
            libc::getrlimit(libc::RLIMIT_NOFILE, &mut r);
        }
        r.rlim_cur
    }
}

//! A server in a child process: started on a free port, awaited, and killed when dropped.

use std::fs::File;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// A debug build on a busy machine may take its time to listen.
const START_LIMIT: Duration = Duration::from_secs(60);

pub struct Server {
    address: SocketAddr,
    child: Child,
    log: PathBuf,
}

impl Server {
    /// The conformance server (`examples/conformance_server`), or the command in the environment
    /// variable `CONFORMANCE_SERVER`, with these environment variables set.
    pub fn conformance(variables: &[(String, String)]) -> Self {
        let (mut command, address) = match std::env::var("CONFORMANCE_SERVER") {
            Ok(line) if !line.is_empty() => {
                let mut shell = Command::new("sh");
                shell.args(["-c", &format!("exec {line}")]);
                (shell, Some(free_address()))
            }
            // Ours takes any port and says which: nobody else can have it.
            _ => (Command::new(conformance_example()), None),
        };
        command.envs(variables.iter().cloned());
        Self::start(command, address)
    }

    /// The reference server, by the command in the environment variable `REFERENCE_SERVER`. None,
    /// said aloud: it is not set.
    pub fn reference(variables: &[(&str, &str)]) -> Option<Self> {
        let Some(line) = std::env::var("REFERENCE_SERVER")
            .ok()
            .filter(|line| !line.is_empty())
        else {
            eprintln!("skipped: REFERENCE_SERVER is not set");
            return None;
        };
        let mut shell = Command::new("sh");
        shell.args(["-c", &format!("exec {line}")]);
        shell.envs(variables.iter().copied());
        Some(Self::start(shell, Some(free_address())))
    }

    /// The same with literal options, for tests that need short timers or small buffers.
    pub fn with(variables: &[(&str, &str)]) -> Self {
        let owned: Vec<_> = variables
            .iter()
            .map(|(name, value)| (name.to_string(), value.to_string()))
            .collect();
        Self::conformance(&owned)
    }

    /// Without an address the server is to say where it listens.
    fn start(mut command: Command, address: Option<SocketAddr>) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let log = Path::new(env!("CARGO_TARGET_TMPDIR"))
            .join(format!("server-{}-{number}.log", std::process::id()));
        let output = File::create(&log).expect("the log of a server can be created");
        let port = address.map_or(0, |address| address.port());
        let child = command
            .env("PORT", port.to_string())
            // Two, on any machine: what crosses from one worker to another is tested everywhere.
            .env("WORKERS", "2")
            .env("Server__Workers", "2")
            .stdin(Stdio::null())
            .stdout(output.try_clone().expect("a file handle can be cloned"))
            .stderr(output)
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?} does not start: {error}"));
        let mut server = Self {
            address: SocketAddr::from(([127, 0, 0, 1], port)),
            child,
            log,
        };
        server.await_listening(address);
        server
    }

    fn await_listening(&mut self, address: Option<SocketAddr>) {
        let limit = Instant::now() + START_LIMIT;
        loop {
            if let Some(address) = address.or_else(|| self.told_address())
                && TcpStream::connect(address).is_ok()
            {
                self.address = address;
                return;
            }
            if let Ok(Some(status)) = self.child.try_wait() {
                panic!("the server ended with {status}: {}", self.log_tail());
            }
            assert!(
                Instant::now() < limit,
                "the server does not listen: {}",
                self.log_tail()
            );
            sleep(Duration::from_millis(50));
        }
    }

    /// Where it says that it listens.
    fn told_address(&self) -> Option<SocketAddr> {
        let text = std::fs::read_to_string(&self.log).ok()?;
        let (_, place) = text.split_once("listening on http://")?;
        let (address, _) = place.split_once('/')?;
        address.parse().ok()
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Fails if the process has ended.
    pub fn assert_alive(&mut self) {
        if let Ok(Some(status)) = self.child.try_wait() {
            panic!("the server ended with {status}: {}", self.log_tail());
        }
    }

    /// Asks the process to stop in good order.
    pub fn terminate(&self) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args(["-TERM", &id]).status();
        assert!(sent.expect("there is a kill").success());
    }

    /// Resident memory in bytes, as the kernel counts it.
    pub fn resident_bytes(&self) -> u64 {
        let path = format!("/proc/{}/status", self.child.id());
        let status = std::fs::read_to_string(path).expect("the server is running");
        let line = status.lines().find(|line| line.starts_with("VmRSS:"));
        let kib = line.and_then(|line| line.split_whitespace().nth(1));
        kib.and_then(|text| text.parse::<u64>().ok())
            .expect("a VmRSS line")
            * 1024
    }

    /// How many file descriptors the process holds: sockets that were let go do not count.
    pub fn open_descriptors(&self) -> usize {
        let path = format!("/proc/{}/fd", self.child.id());
        std::fs::read_dir(path)
            .expect("the server is running")
            .count()
    }

    /// The end of what the server wrote, for messages of failing tests.
    pub fn log_tail(&self) -> String {
        let text = std::fs::read(&self.log).unwrap_or_default();
        let from = text.len().saturating_sub(4000);
        String::from_utf8_lossy(&text[from..]).into_owned()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if !std::thread::panicking() {
            let _ = std::fs::remove_file(&self.log);
        }
    }
}

/// A port nobody listens on, chosen at random below the range that the kernel gives to outgoing
/// connections: a port of that range may be taken again before the server binds it.
pub fn free_address() -> SocketAddr {
    (0..100)
        .map(|_| SocketAddr::from(([127, 0, 0, 1], rand::random_range(10_000..32_000))))
        .find(|address| TcpListener::bind(address).is_ok())
        .expect("a local port is free")
}

/// Cargo builds examples only for a plain `cargo test`; for `cargo test --test it` we ask for it.
fn conformance_example() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut build = Command::new(cargo);
        build.args(["build", "--quiet", "--example", "conformance_server"]);
        if !cfg!(debug_assertions) {
            build.arg("--release");
        }
        let status = build
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .status()
            .expect("cargo can be started");
        assert!(status.success(), "the conformance server does not build");
        let test = std::env::current_exe().expect("a test knows its own path");
        let target = test
            .ancestors()
            .nth(2)
            .expect("tests live in target/PROFILE/deps");
        target.join("examples/conformance_server")
    })
}

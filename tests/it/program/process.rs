//! `managing-api` in a child process with nothing of this process's environment.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// A debug build on a busy machine takes its time.
const LIMIT: Duration = Duration::from_secs(60);

fn command(arguments: &[&str], variables: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_managing-api"));
    command
        .args(arguments)
        .env_clear()
        // No file unless the test asks for one: many servers run side by side.
        .env("Storage__Path", "")
        .envs(variables.iter().copied())
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stdin(Stdio::null());
    command
}

/// Runs a command to its end: all it wrote, and whether it succeeded.
pub fn run(arguments: &[&str], variables: &[(&str, &str)]) -> (String, bool) {
    let output = command(arguments, variables)
        .output()
        .expect("the program can be run");
    let text = [output.stdout, output.stderr].concat();
    (
        String::from_utf8_lossy(&text).into_owned(),
        output.status.success(),
    )
}

/// Runs a command whose reader is gone after one line, as with `| head -1`: that line, what it wrote
/// to standard error, and whether it succeeded.
pub fn run_and_read_one_line(arguments: &[&str]) -> (String, String, bool) {
    let mut child = command(arguments, &[])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program can be run");
    let mut line = String::new();
    let output = child.stdout.take().expect("is piped");
    let read = BufReader::new(output).read_line(&mut line);
    read.expect("is text");
    let output = child.wait_with_output().expect("can be awaited");
    let complaints = String::from_utf8_lossy(&output.stderr).into_owned();
    (line, complaints, output.status.success())
}

/// A running server; killed when dropped.
pub struct Program {
    child: Child,
    port: u16,
}

impl Program {
    pub fn start(variables: &[(&str, &str)]) -> Self {
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("some port is free");
        let port = free.local_addr().expect("is bound").port();
        drop(free);
        let mut child = command(&["serve"], variables)
            .env("PORT", port.to_string())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program can be run");
        let limit = Instant::now() + LIMIT;
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            let ended = child.try_wait().expect("can be asked");
            assert!(ended.is_none(), "the server ended: {ended:?}");
            assert!(Instant::now() < limit, "the server does not listen");
            sleep(Duration::from_millis(20));
        }
        Self { child, port }
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    /// Status and body.
    pub fn get(&self, path: &str) -> (u16, String) {
        self.ask("GET", path)
    }

    pub fn post(&self, path: &str) -> (u16, String) {
        self.ask("POST", path)
    }

    fn ask(&self, method: &str, path: &str) -> (u16, String) {
        let mut socket = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).expect("listens");
        socket.set_read_timeout(Some(LIMIT)).expect("can be set");
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        );
        socket.write_all(head.as_bytes()).expect("can be sent");
        let mut answer = String::new();
        socket.read_to_string(&mut answer).expect("is answered");
        let status = answer.split(' ').nth(1).and_then(|text| text.parse().ok());
        let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
        (
            status.unwrap_or_else(|| panic!("no status in {answer:?}")),
            body.to_owned(),
        )
    }

    /// Sends the process a signal, e.g. `STOP`.
    pub fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", name, &id]).status();
        assert!(sent.expect("there is a kill").success());
    }

    /// Sends `SIGTERM`, expects a successful end and gives what the server had logged.
    pub fn stop(mut self) -> String {
        let id = self.child.id().to_string();
        let sent = Command::new("kill")
            .args(["-TERM", &id])
            .status()
            .expect("there is a kill");
        assert!(sent.success());
        let mut log = String::new();
        let mut output = self.child.stdout.take().expect("is piped");
        output.read_to_string(&mut log).expect("is text");
        let status = self.child.wait().expect("can be awaited");
        assert!(status.success(), "{status}: {log}");
        log
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

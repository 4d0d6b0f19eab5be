//! A model provider that does what a test says, byte by byte.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What is done with one request, after it was read.
#[derive(Clone, Debug)]
pub enum Step {
    Write(Vec<u8>),
    Pause(Duration),
    /// Until the client goes.
    Hang,
}

#[derive(Clone)]
pub struct Upstream {
    pub base_url: String,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    scripts: Mutex<VecDeque<Vec<Step>>>,
    requests: Mutex<Vec<(String, Value)>>,
    open: AtomicUsize,
}

impl Upstream {
    /// Answers the first request with the first script and so on; then with 500.
    pub async fn start(scripts: impl IntoIterator<Item = Vec<Step>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("is bound");
        let state = Arc::new(State::default());
        state.scripts.lock().unwrap().extend(scripts);
        let shared = state.clone();
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let state = shared.clone();
                tokio::spawn(async move {
                    state.open.fetch_add(1, Ordering::SeqCst);
                    let _ = state.serve(socket).await;
                    state.open.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        Self {
            base_url: format!("http://{address}/v1"),
            state,
        }
    }

    /// Head and body of every request so far.
    pub fn requests(&self) -> Vec<(String, Value)> {
        self.state.requests.lock().unwrap().clone()
    }

    /// Waits until no request is being answered.
    pub async fn idle(&self) {
        for _ in 0..1000 {
            if self.state.open.load(Ordering::SeqCst) == 0 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("a request was left open");
    }
}

impl State {
    async fn serve(&self, mut socket: TcpStream) -> std::io::Result<()> {
        let request = read_request(&mut socket).await?;
        self.requests.lock().unwrap().push(request);
        let script = self.scripts.lock().unwrap().pop_front();
        let script = script.unwrap_or_else(|| vec![status(500, "", "{}")]);
        for step in script {
            match step {
                Step::Write(bytes) => socket.write_all(&bytes).await?,
                Step::Pause(pause) => tokio::time::sleep(pause).await,
                Step::Hang => {
                    let mut rest = [0; 64];
                    while socket.read(&mut rest).await? > 0 {}
                }
            }
        }
        Ok(())
    }
}

async fn read_request(socket: &mut TcpStream) -> std::io::Result<(String, Value)> {
    let mut bytes = Vec::new();
    loop {
        if let Some(end) = bytes.windows(4).position(|part| part == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&bytes[..end]).to_lowercase();
            let length = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length: "));
            let length: usize = length.and_then(|it| it.parse().ok()).unwrap_or(0);
            if bytes.len() >= end + 4 + length {
                let body = serde_json::from_slice(&bytes[end + 4..]).unwrap_or(Value::Null);
                return Ok((head, body));
            }
        }
        if socket.read_buf(&mut bytes).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
    }
}

/// The head of a stream that ends with the connection.
pub fn stream_head() -> Step {
    write("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n")
}

pub fn write(text: &str) -> Step {
    Step::Write(text.as_bytes().to_vec())
}

pub fn status(status: u16, headers: &str, body: &str) -> Step {
    let length = body.len();
    write(&format!(
        "HTTP/1.1 {status} Because\r\nContent-Length: {length}\r\nConnection: close\r\n{headers}\r\n{body}"
    ))
}

pub fn event(value: &Value) -> Step {
    write(&format!("data: {value}\n\n"))
}

pub fn text(text: &str) -> Step {
    event(&json!({"choices": [{"index": 0, "delta": {"content": text}}]}))
}

pub fn finish(reason: &str) -> Step {
    event(&json!({"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]}))
}

pub fn done() -> Step {
    write("data: [DONE]\n\n")
}

/// A complete answer.
pub fn answer(words: &[&str]) -> Vec<Step> {
    let mut steps = vec![stream_head()];
    steps.extend(words.iter().map(|word| text(word)));
    steps.extend([finish("stop"), done()]);
    steps
}

//! A model provider that says what the user's message asks for, and knows what is still open.
//!
//! `say N words of T every P ms` is answered with `T0 T1 …`, word by word; `trouble NAME` with one of
//! the troubles of [`trouble`].

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;

use crate::support::Task;

pub struct Upstream {
    port: u16,
    open: Arc<AtomicUsize>,
    asked: Arc<AtomicUsize>,
    _serving: Task<()>,
}

impl Upstream {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("is bound").port();
        let (open, asked) = <(Arc<AtomicUsize>, Arc<AtomicUsize>)>::default();
        let (counted, counts) = (open.clone(), asked.clone());
        let serving = Task::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let open = counted.clone();
                counts.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(async move {
                    open.fetch_add(1, Ordering::SeqCst);
                    let _ = answer(socket).await;
                    open.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        Self {
            port,
            open,
            asked,
            _serving: serving,
        }
    }

    /// Settings of the provider `p0` with the model `m`, that is this one.
    pub fn settings(&self) -> Vec<(String, String)> {
        self.provider(0, &["m"])
    }

    /// Settings of the provider `p0`, `p1` and so on.
    pub fn provider(&self, index: usize, models: &[&str]) -> Vec<(String, String)> {
        let values = [
            ("Name", format!("p{index}")),
            ("BaseUrl", format!("http://127.0.0.1:{}/v1", self.port)),
            ("ApiKey", SECRET.to_owned()),
            ("FirstTokenTimeoutMs", "3000".to_owned()),
            ("SilenceTimeoutMs", "3000".to_owned()),
        ];
        let values = values.map(|(name, value)| (name.to_owned(), value));
        let models = models.iter().enumerate();
        let models = models.map(|(at, model)| (format!("Models__{at}"), (*model).to_owned()));
        values
            .into_iter()
            .chain(models)
            .map(|(name, value)| (format!("Llm__Providers__{index}__{name}"), value))
            .collect()
    }

    /// Waits until no request is open any more.
    pub async fn idle(&self) {
        for _ in 0..500 {
            if self.open.load(Ordering::SeqCst) == 0 {
                return;
            }
            sleep(Duration::from_millis(20)).await;
        }
        panic!("a request to the provider was left open");
    }

    /// How many connections were made.
    pub fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

/// Must never reach a user.
pub const SECRET: &str = "sk-very-secret";

/// The message that asks for an answer, and the answer.
pub fn request(words: usize, tag: &str, pause_ms: u64) -> (String, String) {
    let answer: String = (0..words).map(|word| format!("{tag}{word} ")).collect();
    (
        format!("say {words} words of {tag} every {pause_ms} ms"),
        answer,
    )
}

async fn answer(mut socket: TcpStream) -> std::io::Result<()> {
    let body = read_request(&mut socket).await?;
    let messages = body["messages"].as_array().cloned().unwrap_or_default();
    let asked = messages.last().and_then(|last| last["content"].as_str());
    let asked: Vec<&str> = asked.unwrap_or_default().split(' ').collect();
    let (mut reader, mut writer) = socket.split();
    let saying = async {
        match asked[..] {
            ["say", words, "words", "of", tag, "every", pause, "ms"] => {
                let pause = Duration::from_millis(pause.parse().unwrap_or(1));
                say(&mut writer, words.parse().unwrap_or(1), tag, pause).await
            }
            ["trouble", name] => trouble(&mut writer, name).await,
            _ => say(&mut writer, 1, "what?", Duration::ZERO).await,
        }
    };
    // Whoever hangs up ends the request.
    let gone = async {
        let mut rest = [0; 64];
        while reader.read(&mut rest).await.is_ok_and(|read| read > 0) {}
    };
    tokio::select! {
        said = saying => said,
        () = gone => Ok(()),
    }
}

async fn say(
    writer: &mut (impl tokio::io::AsyncWrite + Unpin),
    words: usize,
    tag: &str,
    pause: Duration,
) -> std::io::Result<()> {
    writer.write_all(HEAD.as_bytes()).await?;
    for word in 0..words {
        writer
            .write_all(delta(&format!("{tag}{word} ")).as_bytes())
            .await?;
        sleep(pause).await;
    }
    writer.write_all(END.as_bytes()).await
}

const HEAD: &str =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n";
const END: &str =
    "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";

fn delta(text: &str) -> String {
    let event = json!({"choices": [{"index": 0, "delta": {"content": text}}]});
    format!("data: {event}\n\n")
}

fn status(line: &str, headers: &str) -> String {
    let body = format!("{{\"error\":{{\"message\":\"no, {SECRET}\"}}}}");
    let length = body.len();
    format!(
        "HTTP/1.1 {line}\r\n{headers}Content-Type: application/json\r\nContent-Length: {length}\r\n\
         Connection: close\r\n\r\n{body}"
    )
}

async fn trouble(
    writer: &mut (impl tokio::io::AsyncWrite + Unpin),
    name: &str,
) -> std::io::Result<()> {
    let hel = delta("Hel");
    let answer = match name {
        "rate-limit" => status("429 Too Many Requests", "Retry-After: 60\r\n"),
        "key-refused" => status("401 Unauthorized", ""),
        "server-error" => status("500 Internal Server Error", ""),
        "context" => status("400 Bad Request", "").replace("no, ", "context_length_exceeded "),
        "html" => {
            "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\n\r\n<html>".into()
        }
        "cut" => format!("{HEAD}{hel}"),
        "malformed" => format!("{HEAD}{hel}data: {{\"cho\n\n"),
        "half-a-character" => {
            writer.write_all(format!("{HEAD}{hel}").as_bytes()).await?;
            let half = b"data: {\"choices\":[{\"delta\":{\"content\":\"\xe2\x82";
            return writer.write_all(half).await;
        }
        "no-done" => format!("{HEAD}{hel}{}", END.replace("data: [DONE]\n\n", "")),
        "crlf-and-comments" => {
            let events = format!(": keep-alive\n\n{hel}: again\n\n{END}");
            HEAD.to_owned() + &events.replace('\n', "\r\n")
        }
        "silence" => {
            writer.write_all(format!("{HEAD}{hel}").as_bytes()).await?;
            return std::future::pending().await;
        }
        _ => String::new(),
    };
    writer.write_all(answer.as_bytes()).await
}

async fn read_request(socket: &mut TcpStream) -> std::io::Result<Value> {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| {
                let (name, value) = line.split_once(':')?;
                name.eq_ignore_ascii_case("content-length")
                    .then(|| value.trim().parse::<usize>().ok())?
            });
            if body.len() >= length.unwrap_or(0) {
                return Ok(serde_json::from_str(body).unwrap_or_default());
            }
        }
        let mut piece = [0; 8192];
        match socket.read(&mut piece).await? {
            0 => return Err(std::io::ErrorKind::UnexpectedEof.into()),
            read => bytes.extend_from_slice(&piece[..read]),
        }
    }
}

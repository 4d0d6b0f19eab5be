//! The provider: an OpenAI-compatible endpoint that says, at a steady pace, when it says it.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::client::runtime;
use crate::stats::now_ns;

const HEAD: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\
    Transfer-Encoding: chunked\r\n\r\n";
const END: &str = "data: {\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\
    \"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}],\"usage\":\
    {\"prompt_tokens\":9,\"completion_tokens\":9}}\n\ndata: [DONE]\n\n";

/// How often waiting answers are looked at: the pace's grain.
const GRAIN: Duration = Duration::from_millis(1);

#[derive(Clone, Copy)]
pub struct Pace {
    /// Of one answer.
    pub tokens: u64,
    pub per_second: f64,
}

/// An answer that is being said.
struct Saying {
    socket: TcpStream,
    begin: u64,
    said: u64,
    /// Asks the connection to wait for the next request.
    done: tokio::sync::oneshot::Sender<TcpStream>,
}

type All = Rc<RefCell<Vec<Saying>>>;

/// Serves on 127.0.0.1 until the process ends.
pub fn start(port: u16, pace: Pace) -> Result<(), String> {
    let listener = std::net::TcpListener::bind(("127.0.0.1", port))
        .and_then(|listener| listener.set_nonblocking(true).map(|()| listener))
        .map_err(|e| format!("--provider-port {port}: {e}"))?;
    let serving = move || {
        runtime().block_on(async move {
            let listener = TcpListener::from_std(listener).expect("a listener");
            let all = All::default();
            let (asked, asks) = watch::channel(());
            tokio::task::spawn_local(say(all.clone(), asks, pace));
            let asked = Rc::new(asked);
            while let Ok((socket, _)) = listener.accept().await {
                let _ = socket.set_nodelay(true);
                tokio::task::spawn_local(serve(socket, all.clone(), asked.clone()));
            }
        })
    };
    let thread = std::thread::Builder::new().name("provider".into());
    thread.spawn(serving).map_err(|e| e.to_string())?;
    Ok(())
}

/// One connection: a request, its answer, the next request.
async fn serve(mut socket: TcpStream, all: All, asked: Rc<watch::Sender<()>>) {
    while read_request(&mut socket).await.is_some() {
        if socket.write_all(HEAD).await.is_err() {
            return;
        }
        let (done, back) = tokio::sync::oneshot::channel();
        all.borrow_mut().push(Saying {
            socket,
            begin: now_ns(),
            said: 0,
            done,
        });
        asked.send_replace(());
        match back.await {
            Ok(returned) => socket = returned,
            Err(_) => return,
        }
    }
}

/// Says every token when it is due. Whoever does not read is cut off.
async fn say(all: All, mut asks: watch::Receiver<()>, pace: Pace) {
    let mut text = String::new();
    loop {
        if all.borrow().is_empty() && asks.changed().await.is_err() {
            return;
        }
        all.borrow_mut()
            .retain_mut(|answer| answer.say_due(&pace, &mut text));
        let said = |answer: &mut Saying| answer.said == pace.tokens;
        for answer in all.borrow_mut().extract_if(.., said) {
            // Nobody waits for a connection that is gone.
            let _ = answer.done.send(answer.socket);
        }
        tokio::time::sleep(GRAIN).await;
    }
}

impl Saying {
    /// Says what is due by now. False: the connection is broken.
    fn say_due(&mut self, pace: &Pace, text: &mut String) -> bool {
        let passed = (now_ns() - self.begin) as f64 / 1e9;
        let due = ((passed * pace.per_second) as u64 + 1).min(pace.tokens);
        while self.said < due {
            text.clear();
            put_token(text, now_ns());
            self.said += 1;
            if self.said == pace.tokens {
                put_chunk(text, END);
                text.push_str("0\r\n\r\n");
            }
            if !is_written(self.socket.try_write(text.as_bytes()), text.len()) {
                return false;
            }
        }
        true
    }
}

fn is_written(written: std::io::Result<usize>, length: usize) -> bool {
    written.is_ok_and(|written| written == length)
}

fn put_token(out: &mut String, now: u64) {
    let event = format!(
        "data: {{\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":1700000000,\
         \"model\":\"bench\",\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{now} \"}},\
         \"finish_reason\":null}}]}}\n\n"
    );
    put_chunk(out, &event);
}

fn put_chunk(out: &mut String, event: &str) {
    use std::fmt::Write;
    let _ = write!(out, "{:x}\r\n{event}\r\n", event.len());
}

/// A request with a `Content-Length`, whatever it says.
async fn read_request(socket: &mut TcpStream) -> Option<()> {
    let mut bytes = Vec::new();
    loop {
        if let Some(head) = crate::client::find_head(&bytes) {
            let text = String::from_utf8_lossy(&bytes[..head]).to_ascii_lowercase();
            let length = text.lines().find_map(|line| {
                let value = line.strip_prefix("content-length:")?;
                value.trim().parse::<usize>().ok()
            });
            if bytes.len() >= head + length? {
                return Some(());
            }
        }
        if socket.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chunk_says_how_long_it_is() {
        let mut out = String::new();
        put_chunk(&mut out, "data: {}\n\n");
        assert_eq!(out, "a\r\ndata: {}\n\n\r\n");
    }

    #[tokio::test]
    async fn a_request_is_said_all_its_tokens() {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let pace = Pace {
            tokens: 3,
            per_second: 1_000.0,
        };
        start(port, pace).unwrap();
        let mut socket = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        for _ in 0..2 {
            let request = b"POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}";
            socket.write_all(request).await.unwrap();
            let mut answer = Vec::new();
            while !answer.ends_with(b"0\r\n\r\n") {
                assert!(socket.read_buf(&mut answer).await.unwrap() > 0);
            }
            let text = String::from_utf8(answer).unwrap();
            assert_eq!(text.matches("\"content\"").count(), 3);
            assert!(text.contains("[DONE]"));
        }
    }
}

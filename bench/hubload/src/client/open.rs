//! Opening a connection: TCP, negotiate, upgrade, handshake.

use std::cell::Cell;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::os::fd::AsRawFd;
use std::rc::Rc;

use tokio::net::{TcpSocket, TcpStream};

use super::{
    Cfg, Conn, Url, close_text, errname, http_response, parse_head, set_congestion, setsockopt,
    url_encode,
};
use crate::stats::now_ns;
use crate::ws;
use crate::ws::{Proto, Sink, Wire};

pub struct Opened {
    pub conn: Rc<Conn>,
    pub wire: Wire,
    /// Records that came in the same read as the handshake's answer.
    pub extra: Vec<Vec<u8>>,
    /// ns from the start up to: TCP, negotiate, upgrade, handshake.
    pub steps: [u64; 4],
}

/// Connect, negotiate, upgrade, handshake. The error is the failure's kind, with the step's name.
pub async fn open(cfg: &Cfg, url: &Url, src: Option<Ipv4Addr>) -> Result<Opened, String> {
    let step = Cell::new("tcp");
    match tokio::time::timeout(cfg.connect_timeout, open_steps(cfg, url, src, &step)).await {
        Ok(Ok(o)) => Ok(o),
        Ok(Err(e)) => Err(format!("{}: {e}", step.get())),
        Err(_) => Err(format!("{}: timeout", step.get())),
    }
}

async fn open_steps(
    cfg: &Cfg,
    url: &Url,
    src: Option<Ipv4Addr>,
    step: &Cell<&'static str>,
) -> Result<Opened, String> {
    let started = now_ns();
    let mut steps = [0u64; 4];
    let mut conn = dial(cfg, url.addr, src).await?;
    steps[0] = now_ns() - started;
    let mut id = String::new();
    if !cfg.skip_negotiation {
        step.set("negotiate");
        let close;
        (id, close) = negotiate(&conn, cfg, url).await?;
        if close || cfg.separate_negotiate {
            conn = dial(cfg, url.addr, src).await?;
        }
    }
    steps[1] = now_ns() - started;
    step.set("upgrade");
    let rest = upgrade(&conn, cfg, url, &id).await?;
    steps[2] = now_ns() - started;
    step.set("handshake");
    let (wire, extra) = handshake(&conn, cfg, rest).await?;
    steps[3] = now_ns() - started;
    Ok(Opened {
        conn: Rc::new(conn),
        wire,
        extra,
        steps,
    })
}

/// The query that carries the token, and whether the server closes the connection.
async fn negotiate(conn: &Conn, cfg: &Cfg, url: &Url) -> Result<(String, bool), String> {
    let request = format!(
        "POST {} HTTP/1.1\r\nHost: {}\r\nContent-Length: 0\r\nContent-Type: text/plain;charset=UTF-8\r\nUser-Agent: hubload\r\n{}\r\n",
        url.with("/negotiate", "negotiateVersion=1"),
        url.host,
        cfg.headers
    );
    conn.write_all(request.as_bytes()).await.map_err(name)?;
    let mut input = Vec::new();
    loop {
        more(conn, &mut input).await?;
        let Some(answer) = http_response(&input)? else {
            continue;
        };
        if answer.status != 200 {
            return Err(format!("status {}", answer.status));
        }
        let body = json_without_error(&answer.body)?;
        if body["url"].is_string() {
            return Err("redirected (not followed)".into());
        }
        let token = body["connectionToken"]
            .as_str()
            .or_else(|| body["connectionId"].as_str())
            .ok_or("no connectionToken")?;
        return Ok((format!("id={}", url_encode(token)), answer.close));
    }
}

/// What came behind the head of the answer.
async fn upgrade(conn: &Conn, cfg: &Cfg, url: &Url, id: &str) -> Result<Vec<u8>, String> {
    let mut key = [0u8; 16];
    key[..8].copy_from_slice(&ws::rand64().to_le_bytes());
    key[8..].copy_from_slice(&ws::rand64().to_le_bytes());
    let key = ws::base64(&key);
    let request = format!(
        "GET {} HTTP/1.1\r\nHost: {}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {}\r\nUser-Agent: hubload\r\n{}\r\n",
        url.with("", id),
        url.host,
        key,
        cfg.headers
    );
    conn.write_all(request.as_bytes()).await.map_err(name)?;
    let mut input = Vec::new();
    let head = loop {
        more(conn, &mut input).await?;
        if let Some(head) = parse_head(&input)? {
            break head;
        }
    };
    if head.status != 101 {
        return Err(format!("status {}", head.status));
    }
    if head.accept.as_deref() != Some(ws::accept_key(&key).as_str()) {
        return Err("wrong Sec-WebSocket-Accept".into());
    }
    Ok(input.split_off(head.len))
}

/// The parser, and the records that came behind the server's answer.
async fn handshake(
    conn: &Conn,
    cfg: &Cfg,
    mut input: Vec<u8>,
) -> Result<(Wire, Vec<Vec<u8>>), String> {
    let protocol = cfg.proto.name();
    let request = format!("{{\"protocol\":\"{protocol}\",\"version\":1}}\x1e");
    conn.send_frame(cfg.proto.op(), request.as_bytes());
    let mut wire = Wire::new(cfg.proto);
    let mut sink = HsSink::default();
    loop {
        wire.feed(&mut input, &mut sink)?;
        for payload in sink.pong.drain(..) {
            conn.send_frame(ws::OP_PONG, &payload);
        }
        if let Some(answer) = &sink.answer {
            json_without_error(answer)?;
            return Ok((wire, sink.extra));
        }
        if let Some(why) = sink.closed.take() {
            return Err(why);
        }
        input.clear();
        more(conn, &mut input).await?;
    }
}

async fn more(conn: &Conn, input: &mut Vec<u8>) -> Result<(), String> {
    match conn.read_more(input).await.map_err(name)? {
        0 => Err("eof".into()),
        _ => Ok(()),
    }
}

fn name(error: io::Error) -> String {
    errname(&error)
}

fn json_without_error(text: &[u8]) -> Result<serde_json::Value, String> {
    let json: serde_json::Value = serde_json::from_slice(text).map_err(|_| "answer is not JSON")?;
    match json["error"].as_str() {
        Some(error) => Err(format!("error {error}")),
        None => Ok(json),
    }
}

async fn dial(cfg: &Cfg, addr: SocketAddrV4, src: Option<Ipv4Addr>) -> Result<Conn, String> {
    let socket = connect(cfg, addr, src).await.map_err(name)?;
    Ok(Conn::new(socket))
}

async fn connect(cfg: &Cfg, addr: SocketAddrV4, src: Option<Ipv4Addr>) -> io::Result<TcpStream> {
    assert!(addr.ip().is_loopback());
    let s = TcpSocket::new_v4()?;
    s.set_nodelay(true)?;
    if let Some(c) = &cfg.congestion
        && !set_congestion(s.as_raw_fd(), c)
    {
        return Err(io::Error::last_os_error());
    }
    if let Some(ip) = src {
        // The port is then chosen by connect(), by the whole 4-tuple: 28k per source address and
        // server port instead of 28k in all.
        const IP_BIND_ADDRESS_NO_PORT: i32 = 24;
        setsockopt(
            s.as_raw_fd(),
            libc::IPPROTO_IP,
            IP_BIND_ADDRESS_NO_PORT,
            &1i32,
        );
        s.bind(SocketAddr::from((ip, 0)))?;
    }
    s.connect(SocketAddr::V4(addr)).await
}

#[derive(Default)]
struct HsSink {
    answer: Option<Vec<u8>>,
    extra: Vec<Vec<u8>>,
    pong: Vec<Vec<u8>>,
    closed: Option<String>,
}

impl Sink for HsSink {
    fn handshake(&mut self, rec: &[u8]) -> Option<Proto> {
        self.answer = Some(rec.to_vec());
        None
    }
    fn record(&mut self, rec: &[u8]) {
        self.extra.push(rec.to_vec());
    }
    fn ping(&mut self, p: &[u8]) {
        self.pong.push(p.to_vec());
    }
    fn close(&mut self, code: u16, reason: &[u8]) {
        self.closed = Some(close_text(code, reason));
    }
}

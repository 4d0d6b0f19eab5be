//! HTTP: negotiate, upgrade, publish.

use super::{Loop, Srv};
use crate::client::find_head;
use crate::ws;

impl Loop {
    pub(super) fn http(&mut self, slot: u32) -> bool {
        loop {
            let Some(c) = self.conns[slot as usize].as_mut() else {
                return false;
            };
            let Some(end) = find_head(&c.inbuf) else {
                return c.inbuf.len() < 16 << 10;
            };
            let head = String::from_utf8_lossy(&c.inbuf[..end]).into_owned();
            let field = |name: &str| {
                head.split("\r\n").skip(1).find_map(|l| {
                    let (k, v) = l.split_once(':')?;
                    k.eq_ignore_ascii_case(name).then(|| v.trim().to_string())
                })
            };
            let len: usize = field("content-length")
                .and_then(|v| v.parse().ok())
                .unwrap_or(0);
            if len > 1 << 20 {
                return false;
            }
            if c.inbuf.len() < end + len {
                return true;
            }
            let body = c.inbuf[end..end + len].to_vec();
            c.inbuf.drain(..end + len);
            let mut first = head.split("\r\n").next().unwrap_or("").split(' ');
            let (method, target) = (
                first.next().unwrap_or("").to_string(),
                first.next().unwrap_or("/").to_string(),
            );
            let path = target.split('?').next().unwrap_or("");
            if method == "GET"
                && field("upgrade").is_some_and(|u| u.eq_ignore_ascii_case("websocket"))
            {
                let Some(key) = field("sec-websocket-key") else {
                    return false;
                };
                c.upgraded = true;
                let rest = std::mem::take(&mut c.inbuf);
                let r = format!(
                    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {}\r\n\r\n",
                    ws::accept_key(&key)
                );
                self.reply.extend_from_slice(r.as_bytes());
                self.send_reply(slot);
                if !rest.is_empty() {
                    let mut rest = rest;
                    let mut wire = self.conns[slot as usize]
                        .as_mut()
                        .unwrap()
                        .wire
                        .take()
                        .unwrap();
                    let r = wire.feed(&mut rest, &mut Srv { l: self, slot });
                    if let Some(c) = self.conns[slot as usize].as_mut() {
                        c.wire = Some(wire);
                    }
                    self.flush_batches();
                    self.send_reply(slot);
                    return r.is_ok();
                }
                return true;
            }
            let (status, answer) = if method == "POST" && path.ends_with("/negotiate") {
                self.ids += 1;
                let id = format!("{:016x}{:06x}", ws::rand64(), self.ids);
                (
                    "200 OK",
                    format!(
                        "{{\"negotiateVersion\":1,\"connectionId\":\"{id}\",\"connectionToken\":\"t{id}\",\"availableTransports\":[{{\"transport\":\"WebSockets\",\"transferFormats\":[\"Text\"]}}]}}"
                    ),
                )
            } else if let (true, Some(g)) = (
                method == "POST" || method == "PUT",
                path.strip_prefix("/publish/"),
            ) {
                let g = g.to_string();
                self.publish(g.as_bytes(), &body);
                self.flush_batches();
                ("202 Accepted", String::new())
            } else {
                ("404 Not Found", String::new())
            };
            let r = format!(
                "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{answer}",
                answer.len()
            );
            self.reply.extend_from_slice(r.as_bytes());
            self.send_reply(slot);
        }
    }
}

//! Addresses: hubs and sources, none of them outside of 127.0.0.0/8.

use std::net::{Ipv4Addr, SocketAddrV4};

/// A URL whose host is an address in 127.0.0.0/8; nothing else is ever contacted.
#[derive(Clone, Debug)]
pub struct Url {
    pub addr: SocketAddrV4,
    pub host: String,
    pub path: String,
    pub query: String,
}

pub fn loopback(host: &str, port: u16) -> Result<SocketAddrV4, String> {
    let ip: Ipv4Addr = if host == "localhost" {
        Ipv4Addr::LOCALHOST
    } else {
        host.parse().map_err(|_| {
            format!("host {host:?} refused: only addresses in 127.0.0.0/8 are contacted")
        })?
    };
    if !ip.is_loopback() {
        return Err(format!(
            "host {host} refused: only addresses in 127.0.0.0/8 are contacted"
        ));
    }
    Ok(SocketAddrV4::new(ip, port))
}

pub fn host_port(s: &str) -> Result<SocketAddrV4, String> {
    let (h, p) = s.rsplit_once(':').ok_or("expected HOST:PORT")?;
    loopback(h, p.parse().map_err(|_| "bad port")?)
}

impl std::str::FromStr for Url {
    type Err = String;
    fn from_str(s: &str) -> Result<Url, String> {
        let rest = s
            .strip_prefix("http://")
            .or_else(|| s.strip_prefix("ws://"))
            .ok_or("the URL must begin with http:// or ws:// (no TLS)")?;
        let (hp, pq) = match rest.find(['/', '?']) {
            Some(i) => (&rest[..i], &rest[i..]),
            None => (rest, "/"),
        };
        let (h, p) = match hp.rsplit_once(':') {
            Some((h, p)) => (h, p.parse().map_err(|_| format!("bad port in {s}"))?),
            None => (hp, 80),
        };
        let addr = loopback(h, p)?;
        let (path, query) = pq.split_once('?').unwrap_or((pq, ""));
        if pq.bytes().any(|b| b <= b' ' || b >= 0x7f) {
            return Err("the URL's path must be plain, encoded ASCII".into());
        }
        let path = if path.is_empty() { "/" } else { path };
        Ok(Url {
            addr,
            host: hp.to_string(),
            path: path.to_string(),
            query: query.to_string(),
        })
    }
}

impl Url {
    pub(super) fn with(&self, suffix: &str, extra: &str) -> String {
        let mut s = format!("{}{}", self.path.trim_end_matches('/'), suffix);
        if s.is_empty() {
            s.push('/');
        }
        let q: Vec<&str> = [self.query.as_str(), extra]
            .into_iter()
            .filter(|x| !x.is_empty())
            .collect();
        if !q.is_empty() {
            s.push('?');
            s.push_str(&q.join("&"));
        }
        s
    }
    pub fn path_query(&self) -> String {
        if self.query.is_empty() {
            self.path.clone()
        } else {
            format!("{}?{}", self.path, self.query)
        }
    }
}

/// "127.0.0.2-127.0.0.40" (or one address, or a comma-separated list of either).
pub fn parse_src(s: &str) -> Result<Vec<Ipv4Addr>, String> {
    let one = |t: &str| -> Result<u32, String> {
        let ip: Ipv4Addr = t.trim().parse().map_err(|_| format!("bad address {t:?}"))?;
        if !ip.is_loopback() {
            return Err(format!("source {ip} refused: only 127.0.0.0/8"));
        }
        Ok(ip.into())
    };
    let mut v = Vec::new();
    for part in s.split(',') {
        let (a, b) = part.split_once('-').unwrap_or((part, part));
        let (a, b) = (one(a)?, one(b)?);
        if b < a || b - a > 4096 {
            return Err(format!("bad range {part:?}"));
        }
        v.extend((a..=b).map(Ipv4Addr::from));
    }
    Ok(v)
}

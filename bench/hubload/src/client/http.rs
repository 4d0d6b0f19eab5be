//! The little HTTP that is needed: heads, lengths, chunks.

pub struct Head {
    pub(super) status: u16,
    pub(super) len: usize, // of the head, blank line included
    pub(super) content_length: Option<usize>,
    pub(super) chunked: bool,
    pub(super) close: bool,
    pub(super) accept: Option<String>,
}

pub fn find_head(v: &[u8]) -> Option<usize> {
    memchr::memmem::find(v, b"\r\n\r\n").map(|i| i + 4)
}

pub fn parse_head(v: &[u8]) -> Result<Option<Head>, String> {
    let Some(len) = find_head(v) else {
        return if v.len() > 64 << 10 {
            Err("head too long".into())
        } else {
            Ok(None)
        };
    };
    let text = String::from_utf8_lossy(&v[..len]);
    let mut lines = text.split("\r\n");
    let status = lines
        .next()
        .and_then(|l| l.split(' ').nth(1))
        .and_then(|s| s.parse().ok())
        .ok_or("no HTTP status")?;
    let mut h = Head {
        status,
        len,
        content_length: None,
        chunked: false,
        close: false,
        accept: None,
    };
    for l in lines {
        let Some((k, val)) = l.split_once(':') else {
            continue;
        };
        let val = val.trim();
        match k.to_ascii_lowercase().as_str() {
            "content-length" => h.content_length = val.parse().ok(),
            "transfer-encoding" => h.chunked = val.to_ascii_lowercase().contains("chunked"),
            "connection" => h.close = val.eq_ignore_ascii_case("close"),
            "sec-websocket-accept" => h.accept = Some(val.to_string()),
            _ => {}
        }
    }
    Ok(Some(h))
}

/// The body of a chunked message and its length on the wire, once all of it is there.
pub fn dechunk(v: &[u8]) -> Result<Option<(Vec<u8>, usize)>, String> {
    let mut out = Vec::new();
    let mut at = 0;
    loop {
        let Some(e) = memchr::memmem::find(&v[at..], b"\r\n") else {
            return Ok(None);
        };
        let size = std::str::from_utf8(&v[at..at + e])
            .ok()
            .and_then(|s| usize::from_str_radix(s.split(';').next().unwrap_or("").trim(), 16).ok())
            .ok_or("bad chunk")?;
        if size > 16 << 20 {
            return Err("bad chunk".into());
        }
        at += e + 2;
        if v.len() < at + size + 2 {
            return Ok(None);
        }
        out.extend_from_slice(&v[at..at + size]);
        at += size + 2;
        if size == 0 {
            return Ok(Some((out, at)));
        }
    }
}

/// One whole HTTP response.
pub struct Response {
    pub status: u16,
    pub body: Vec<u8>,
    /// bytes it took, head and chunk marks included
    pub used: usize,
    /// the server will close the connection
    pub close: bool,
}

/// Some response, once it is whole (for the negotiate call and the HTTP publisher).
pub fn http_response(v: &[u8]) -> Result<Option<Response>, String> {
    let Some(h) = parse_head(v)? else {
        return Ok(None);
    };
    if h.chunked {
        return Ok(dechunk(&v[h.len..])?.map(|(body, n)| Response {
            status: h.status,
            body,
            used: h.len + n,
            close: h.close,
        }));
    }
    let n = match h.content_length {
        Some(n) => n,
        None if h.status == 204 || h.status == 304 || h.status < 200 => 0,
        None => return Err("response without a length".into()),
    };
    if v.len() < h.len + n {
        return Ok(None);
    }
    Ok(Some(Response {
        status: h.status,
        body: v[h.len..h.len + n].to_vec(),
        used: h.len + n,
        close: h.close,
    }))
}

pub fn url_encode(s: &str) -> String {
    let mut o = String::new();
    for b in s.bytes() {
        if b.is_ascii_alphanumeric() || b"-_.~".contains(&b) {
            o.push(b as char);
        } else {
            o.push_str(&format!("%{b:02X}"));
        }
    }
    o
}

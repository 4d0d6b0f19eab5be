//! A small HTTP/1.1 client, one request per TCP connection. It sends paths and headers as they are
//! given and hands out bodies as they come, which ready-made clients do not.

use std::io::{Error, ErrorKind, Result};
use std::net::SocketAddr;
use std::pin::pin;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

#[derive(Default, Clone)]
pub struct Request {
    pub method: String,
    pub path: String,
    pub headers: Vec<(String, String)>,
    pub body: Option<Vec<u8>>,
}

impl Request {
    pub fn new(method: &str, path: impl Into<String>) -> Self {
        Self {
            method: method.to_owned(),
            path: path.into(),
            ..Self::default()
        }
    }

    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = Some(body.into());
        self
    }

    fn has(&self, name: &str) -> bool {
        self.headers
            .iter()
            .any(|(key, _)| key.eq_ignore_ascii_case(name))
    }

    fn encode(&self, address: SocketAddr) -> Vec<u8> {
        let mut head = format!("{} {} HTTP/1.1\r\n", self.method, self.path);
        let mut line = |name: &str, value: &str| {
            head.push_str(&format!("{name}: {value}\r\n"));
        };
        if !self.has("host") {
            line("Host", &address.to_string());
        }
        if !self.has("connection") {
            line("Connection", "close");
        }
        for (name, value) in &self.headers {
            line(name, value);
        }
        let length = self.body.as_ref().map(Vec::len);
        if (length.is_some() || self.method == "POST") && !self.has("content-length") {
            line("Content-Length", &length.unwrap_or(0).to_string());
        }
        let mut bytes = head.into_bytes();
        bytes.extend_from_slice(b"\r\n");
        bytes.extend_from_slice(self.body.as_deref().unwrap_or_default());
        bytes
    }
}

/// Status line and headers of an answer.
#[derive(Debug)]
pub struct Head {
    pub status: u16,
    headers: Vec<(String, String)>,
}

impl Head {
    /// The header's value; several lines of that name are joined as HTTP allows.
    pub fn header(&self, name: &str) -> Option<String> {
        let mut values = self
            .headers
            .iter()
            .filter(|(key, _)| key.eq_ignore_ascii_case(name));
        let first = values.next()?.1.clone();
        Some(values.fold(first, |all, (_, value)| all + ", " + value))
    }
}

#[derive(Debug)]
pub struct Response {
    pub head: Head,
    pub body: Vec<u8>,
}

/// One request and its whole answer.
pub async fn send(address: SocketAddr, request: &Request) -> Result<Response> {
    let (head, body) = open(address, request).await?;
    let body = body.collect().await?;
    Ok(Response { head, body })
}

/// One request; the body is left to be read as it comes.
pub async fn open(address: SocketAddr, request: &Request) -> Result<(Head, Body)> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (reader, mut writer) = stream.into_split();
    let mut reader = BufReader::new(reader);
    let bytes = request.encode(address);
    let head = {
        // A server may answer before it has read a large body, so both go on at once.
        let mut write = pin!(writer.write_all(&bytes));
        let mut read = pin!(read_head(&mut reader));
        let mut writing = true;
        loop {
            tokio::select! {
                head = &mut read => break head?,
                _ = &mut write, if writing => writing = false,
            }
        }
    };
    let rest = Rest::of(&head, &request.method);
    let body = Body {
        reader,
        writer,
        rest,
    };
    Ok((head, body))
}

async fn read_head(reader: &mut BufReader<OwnedReadHalf>) -> Result<Head> {
    let status_line = read_line(reader).await?;
    let status = status_line
        .split(' ')
        .nth(1)
        .and_then(|code| code.parse().ok());
    let status = status.ok_or_else(|| invalid(&format!("no status in {status_line:?}")))?;
    let mut headers = Vec::new();
    loop {
        let line = read_line(reader).await?;
        if line.is_empty() {
            return Ok(Head { status, headers });
        }
        let (name, value) = line
            .split_once(':')
            .ok_or_else(|| invalid(&format!("no colon in header {line:?}")))?;
        headers.push((name.to_owned(), value.trim().to_owned()));
    }
}

async fn read_line(reader: &mut BufReader<OwnedReadHalf>) -> Result<String> {
    let mut line = Vec::new();
    reader.read_until(b'\n', &mut line).await?;
    match line.strip_suffix(b"\r\n") {
        Some(text) => Ok(String::from_utf8_lossy(text).into_owned()),
        None => Err(Error::new(
            ErrorKind::UnexpectedEof,
            "the answer ended in its head",
        )),
    }
}

fn invalid(text: &str) -> Error {
    Error::new(ErrorKind::InvalidData, text)
}

/// How much of a body is still to come.
enum Rest {
    Length(u64),
    /// Within a chunk of chunked encoding, this many bytes are left of it.
    Chunked(u64),
    UntilEnd,
    Done,
}

impl Rest {
    fn of(head: &Head, method: &str) -> Self {
        let chunked = |value: String| value.to_ascii_lowercase().contains("chunked");
        if method == "HEAD" || head.status == 204 || head.status == 304 || head.status < 200 {
            Self::Done
        } else if head.header("transfer-encoding").is_some_and(chunked) {
            Self::Chunked(0)
        } else if let Some(length) = head.header("content-length") {
            length.parse().map_or(Self::UntilEnd, Self::Length)
        } else {
            Self::UntilEnd
        }
    }
}

/// The rest of an answer. Dropping it closes the TCP connection.
pub struct Body {
    reader: BufReader<OwnedReadHalf>,
    writer: OwnedWriteHalf,
    rest: Rest,
}

impl Body {
    /// The next bytes; `None` at the regular end of the body.
    pub async fn chunk(&mut self) -> Result<Option<Vec<u8>>> {
        if let Rest::Chunked(0) = self.rest {
            self.next_chunk_header().await?;
        }
        let wanted = match self.rest {
            Rest::Done | Rest::Length(0) => return Ok(None),
            Rest::Length(left) | Rest::Chunked(left) => left,
            Rest::UntilEnd => u64::MAX,
        };
        let mut bytes = vec![0; wanted.min(16 * 1024) as usize];
        let read = self.reader.read(&mut bytes).await?;
        bytes.truncate(read);
        match &mut self.rest {
            Rest::UntilEnd if read == 0 => return Ok(None),
            _ if read == 0 => return Err(ErrorKind::UnexpectedEof.into()),
            Rest::Length(left) => *left -= read as u64,
            Rest::Chunked(left) => {
                *left -= read as u64;
                if *left == 0 {
                    read_line(&mut self.reader).await?;
                }
            }
            Rest::UntilEnd | Rest::Done => {}
        }
        Ok(Some(bytes))
    }

    async fn next_chunk_header(&mut self) -> Result<()> {
        let line = read_line(&mut self.reader).await?;
        let digits = line.split(';').next().unwrap_or_default().trim();
        let size = u64::from_str_radix(digits, 16)
            .map_err(|_| invalid(&format!("no chunk size in {line:?}")))?;
        self.rest = if size == 0 {
            Rest::Done
        } else {
            Rest::Chunked(size)
        };
        Ok(())
    }

    pub async fn collect(mut self) -> Result<Vec<u8>> {
        let mut all = Vec::new();
        while let Some(bytes) = self.chunk().await? {
            all.extend_from_slice(&bytes);
        }
        Ok(all)
    }

    /// After an answer 101 the TCP connection belongs to another protocol.
    pub fn into_parts(self) -> (BufReader<OwnedReadHalf>, OwnedWriteHalf) {
        (self.reader, self.writer)
    }
}

//! `healthcheck`: one request to `/health/live` of the server on this machine.
//!
//! The container image has no shell and no curl, so its health check is this command.

use std::{
    io::{Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpStream},
    time::Duration,
};

use super::Outcome;
use crate::settings::{Sources, port};

const TIMEOUT: Duration = Duration::from_secs(3);

pub(super) fn run(sources: &Sources) -> Outcome {
    let port = port(sources)?;
    let status = ask(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
        .map_err(|error| format!("port {port}: {error}"))?;
    if status.starts_with("HTTP/1.1 200") {
        println!("alive");
        return Ok(());
    }
    Err(format!("port {port}: answered {status:?}"))
}

/// The status line.
fn ask(server: SocketAddr) -> std::io::Result<String> {
    let mut connection = TcpStream::connect_timeout(&server, TIMEOUT)?;
    connection.set_read_timeout(Some(TIMEOUT))?;
    connection.set_write_timeout(Some(TIMEOUT))?;
    connection
        .write_all(b"GET /health/live HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
    // The status line is all we want of what is a short answer.
    let mut answer = String::new();
    connection.take(4096).read_to_string(&mut answer)?;
    Ok(answer.lines().next().unwrap_or_default().to_owned())
}

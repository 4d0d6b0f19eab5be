//! Whether Redis can be reached, speaks what we expect, lets us in, and has the right time.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

use super::{Report, finding::Finding};
use crate::{
    app,
    redis::{RedisService, State},
    settings::{RedisOptions, RedisSettings, Settings, redis::Addresses},
};

const SUBJECT: &str = "Redis";
const REACH: Duration = Duration::from_secs(5);
/// More than one attempt of the service.
const LOG_IN: Duration = Duration::from_secs(12);
/// Half of what the fleet allows for between instances.
const CLOCK_LIMIT_MS: i64 = 5_000;

/// The connected service, if there is a Redis that lets us in.
pub(super) async fn examine(settings: &Settings, report: &mut Report) -> Option<RedisService> {
    let options = match &settings.redis {
        RedisSettings::Off { reason } => {
            let saw = format!("off, a single instance on purpose: {reason}");
            report.add(Finding::note(SUBJECT, saw));
            return None;
        }
        RedisSettings::Unusable { problem, source } => {
            let saw = format!("the connection string cannot be used: {problem}");
            report.add(Finding::fail(
                SUBJECT,
                saw,
                format!("correct it in {source}"),
            ));
            return None;
        }
        RedisSettings::Configured { options, .. } => options,
    };
    if let Some(finding) = greet(options).await {
        report.add(finding);
        return None;
    }
    let service = RedisService::start(app::redis_options(options, &settings.fleet_name));
    match log_in(&service).await {
        Ok(()) => report.add(Finding::good(SUBJECT, format!("connected to {options}"))),
        Err(finding) => {
            report.add(finding);
            service.shutdown().await;
            return None;
        }
    }
    report.add(clock(&service).await);
    report.add_all(memory(&service).await);
    Some(service)
}

/// What stands in the way before any password is asked for. One endpoint that answers is enough.
async fn greet(options: &RedisOptions) -> Option<Finding> {
    let Addresses::Tcp(addresses) = options.addresses() else {
        return None;
    };
    let mut problem = None;
    for (host, port) in addresses {
        match timeout(REACH, speaks_plainly(&host, port)).await {
            Ok(Ok(is_plain)) => return tls_mismatch(&host, port, is_plain, options.ssl),
            Ok(Err(error)) => problem = Some(unreachable(&host, port, &error.to_string())),
            Err(_) => problem = Some(unreachable(&host, port, "no answer within 5 s")),
        }
    }
    problem
}

fn unreachable(host: &str, port: u16, reason: &str) -> Finding {
    Finding::fail(
        SUBJECT,
        format!("{host}:{port} cannot be reached: {reason}"),
        "check host and port of the connection string, that Redis runs, and that this machine is \
         in its network (CapRover: srv-captain--NAME, same cluster)",
    )
}

/// Whether it answers a plain `PING`, if only to ask for a password. A TLS server does not.
async fn speaks_plainly(host: &str, port: u16) -> std::io::Result<bool> {
    let mut socket = TcpStream::connect((host, port)).await?;
    socket.write_all(b"PING\r\n").await?;
    let mut first = [0; 1];
    // A TLS server answers with an alert, hangs up, or waits for the rest of a greeting.
    let read = timeout(Duration::from_secs(1), socket.read(&mut first)).await;
    Ok(matches!(read, Ok(Ok(1)) if matches!(first[0], b'+' | b'-')))
}

fn tls_mismatch(host: &str, port: u16, is_plain: bool, ssl: bool) -> Option<Finding> {
    match (is_plain, ssl) {
        (true, true) => Some(Finding::fail(
            SUBJECT,
            format!(
                "TLS mismatch: {host}:{port} does not speak TLS, the connection string wants it"
            ),
            "write ssl=false, or redis:// in place of rediss://; or name Redis's TLS port",
        )),
        (false, false) => Some(Finding::fail(
            SUBJECT,
            format!("TLS mismatch: {host}:{port} does not speak plain Redis, it wants TLS"),
            "write ssl=true, or rediss:// in place of redis://; or name Redis's plain port",
        )),
        _ => None,
    }
}

async fn log_in(service: &RedisService) -> Result<(), Finding> {
    let mut states = service.watch();
    let decided = states.wait_for(|state| !matches!(state, State::Connecting));
    match timeout(LOG_IN, decided).await {
        Ok(Ok(state)) => match &*state {
            State::Down { reason, .. } => Err(refused(reason)),
            _ => Ok(()),
        },
        _ => Err(refused("no answer within 12 s")),
    }
}

fn refused(reason: &str) -> Finding {
    let upper = reason.to_uppercase();
    let says = |words: &[&str]| words.iter().any(|word| upper.contains(word));
    if says(&[
        "WRONGPASS",
        "NOAUTH",
        "INVALID PASSWORD",
        "WITHOUT ANY PASSWORD",
        "INVALID USERNAME",
    ]) {
        let cure = "set password= (and user= if Redis has ACL users) in the connection string to \
                    what Redis expects; inside a URL it must be percent-encoded";
        return Finding::fail(SUBJECT, format!("wrong password or user: {reason}"), cure);
    }
    if says(&["CERTIFICATE", "UNKNOWNISSUER", "NOTVALIDFORNAME"]) {
        let cure = "name the certificate's host with sslHost=, its authority with sslCaFile=";
        return Finding::fail(
            SUBJECT,
            format!("its certificate is not accepted: {reason}"),
            cure,
        );
    }
    let cure = "look at Redis's own log; the connection string's user, password, database and TLS \
                must be those of this Redis";
    Finding::fail(SUBJECT, format!("no connection: {reason}"), cure)
}

/// Connection tokens and heartbeats are judged by clocks.
async fn clock(service: &RedisService) -> Finding {
    let subject = "clock";
    let answer = service.command("TIME", Vec::new()).await;
    let seconds = answer.as_ref().ok().and_then(|answer| {
        let parts = answer.as_list()?;
        Some(parts.first()?.as_integer()? * 1_000 + parts.get(1)?.as_integer()? / 1_000)
    });
    let Some(theirs) = seconds else {
        return Finding::note(subject, "Redis does not tell its time");
    };
    let apart = (chrono::Utc::now().timestamp_millis() - theirs).abs();
    if apart <= CLOCK_LIMIT_MS {
        return Finding::good(subject, format!("{apart} ms from Redis's"));
    }
    Finding::fail(
        subject,
        format!("this machine and Redis are {} s apart", apart / 1_000),
        "set both by NTP: connections are refused when instances differ by more than 10 s",
    )
}

/// A Redis that throws keys away throws connections and histories away.
async fn memory(service: &RedisService) -> Option<Finding> {
    let answer = service.command("INFO", vec!["memory".into()]).await.ok()?;
    let text = answer.as_text()?;
    let value = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        line.and_then(|line| line.strip_prefix(':')).map(str::trim)
    };
    let (policy, most) = (value("maxmemory_policy")?, value("maxmemory")?);
    if most == "0" || policy == "noeviction" {
        return Some(Finding::good(
            "Redis memory",
            format!("maxmemory-policy {policy}, maxmemory {most}"),
        ));
    }
    Some(Finding::warn(
        "Redis memory",
        format!("maxmemory-policy {policy} removes keys when {most} bytes are full"),
        "CONFIG SET maxmemory-policy noeviction, and give it room (docs/caprover.md, Redis)",
    ))
}

//! StackExchange.Redis connection strings: `host:6379,password=…,ssl=true`.
//!
//! Tokens are separated by commas and cannot be quoted. A token with `=` is an option, any other
//! an endpoint. What StackExchange.Redis drops in silence, a port that is no number, is an error here.

use super::{Certificates, Endpoint, RedisOptions, command_map};
use crate::settings::{Secret, text};

pub(super) fn parse(text: &str) -> Result<RedisOptions, String> {
    let mut options = RedisOptions::default();
    for token in text
        .split(',')
        .map(str::trim)
        .filter(|token| !token.is_empty())
    {
        match token.split_once('=') {
            Some((key, value)) if !key.is_empty() => {
                set(&mut options, key.trim(), value.trim())?;
            }
            _ => {
                let endpoint = endpoint(token)?;
                if !options.endpoints.contains(&endpoint) {
                    options.endpoints.push(endpoint);
                }
            }
        }
    }
    Ok(options)
}

fn set(options: &mut RedisOptions, key: &str, value: &str) -> Result<(), String> {
    let text = || (!value.is_empty()).then(|| value.to_owned());
    let secret = || (!value.is_empty()).then(|| Secret::new(value));
    match key.to_ascii_lowercase().as_str() {
        "user" => options.user = text(),
        "password" => options.password = secret(),
        "sentineluser" => options.sentinel_user = text(),
        "sentinelpassword" => options.sentinel_password = secret(),
        "servicename" => options.service_name = text(),
        "ssl" => {
            options.ssl = flag(key, value)?;
            options.ssl_is_set = true;
        }
        "sslhost" => options.ssl_host = text(),
        "sslprotocols" => tls_versions(key, value)?,
        "sslverify" => options.certificates = certificates(key, value)?,
        "sslcafile" => options.ssl_ca_file = text().map(Into::into),
        "abortconnect" => options.abort_connect = Some(flag(key, value)?),
        "connecttimeout" => options.connect_timeout_ms = Some(number(key, value, 1)?),
        "synctimeout" => options.sync_timeout_ms = Some(number(key, value, 1)?),
        "asynctimeout" => options.async_timeout_ms = Some(number(key, value, 1)?),
        "connectretry" => options.connect_retry = Some(number(key, value, 0)?),
        // -1 is its way to say the default.
        "keepalive" if value == "-1" => options.keep_alive_seconds = None,
        "keepalive" => options.keep_alive_seconds = Some(number(key, value, 0)?),
        "defaultdatabase" => {
            let number = number(key, value, 0)?;
            let database = u8::try_from(number);
            options.default_database =
                Some(database.map_err(|_| format!("{key}: is at most 255"))?);
        }
        "name" => options.client_name = text(),
        "channelprefix" => options.channel_prefix = text(),
        "protocol" => options.protocol = Some(protocol(value)?),
        "proxy" if value.eq_ignore_ascii_case("none") => {}
        "proxy" => {
            return Err("proxy: a proxy without publish and subscribe cannot be used".to_owned());
        }
        "tunnel" if value.is_empty() => {}
        "tunnel" => return Err("tunnel: is not supported".to_owned()),
        "allowadmin" | "highintegrity" | "resolvedns" | "setlib" | "tcpkeepalive" => {
            flag(key, value)?;
        }
        "checkcertificaterevocation" => {
            if flag(key, value)? {
                options
                    .warnings
                    .push(format!("{key}: revocation of certificates is not checked"));
            }
        }
        "configchannel"
        | "configcheckseconds"
        | "highprioritythreads"
        | "preserveasyncorder"
        | "responsetimeout"
        | "tiebreaker"
        | "version"
        | "writebuffer" => {}
        _ if key.starts_with('$') => options.warnings.extend(command_map::entry(key, value)?),
        // The value may be a secret under a misspelt key, so only the key is named.
        _ => options
            .warnings
            .push(format!("{key}: is not known and ignored")),
    }
    Ok(())
}

fn flag(key: &str, value: &str) -> Result<bool, String> {
    text::flag(value).map_err(|_| format!("{key}: requires a boolean value"))
}

fn number(key: &str, value: &str, least: u32) -> Result<u32, String> {
    let number = value.parse().ok();
    number
        .filter(|number| (least..=i32::MAX as u32).contains(number))
        .ok_or_else(|| format!("{key}: requires an integer value of at least {least}"))
}

pub(super) fn certificates(key: &str, value: &str) -> Result<Certificates, String> {
    Ok(if flag(key, value)? {
        Certificates::Verified
    } else {
        Certificates::NotVerified
    })
}

/// 1.2 and 1.3 are spoken, whichever of them is named.
fn tls_versions(key: &str, value: &str) -> Result<(), String> {
    let spoken = |version: &str| {
        let version = version.trim().to_ascii_lowercase();
        matches!(version.as_str(), "" | "none" | "tls12" | "tls13")
    };
    value
        .split('|')
        .any(spoken)
        .then_some(())
        .ok_or_else(|| format!("{key}: only Tls12 and Tls13 are spoken"))
}

pub(super) fn protocol(value: &str) -> Result<u8, String> {
    match value.to_ascii_lowercase().as_str() {
        "2" | "resp2" => Ok(2),
        "3" | "resp3" => Ok(3),
        _ => Err("protocol: requires resp2 or resp3".to_owned()),
    }
}

/// `host`, `host:6380`, `[::1]:6380`, `::1`, `!/run/redis.sock`, `unix:/run/redis.sock`.
pub(super) fn endpoint(token: &str) -> Result<Endpoint, String> {
    if let Some(path) = token
        .strip_prefix('!')
        .or_else(|| token.strip_prefix("unix:"))
    {
        return Ok(Endpoint::Unix(path.to_owned()));
    }
    let (host, port) = if let Some(bracketed) = token.strip_prefix('[') {
        let (host, rest) = bracketed
            .split_once(']')
            .ok_or("an endpoint has a [ without ]")?;
        match rest.strip_prefix(':') {
            Some(port) => (host, Some(port)),
            None if rest.is_empty() => (host, None),
            None => return Err("an endpoint has text after its ]".to_owned()),
        }
    } else {
        match token.split_once(':') {
            // Two colons and no bracket: an IPv6 address alone.
            Some((_, rest)) if rest.contains(':') => (token, None),
            Some((host, port)) => (host, Some(port)),
            None => (token, None),
        }
    };
    let valid = |c: char| !c.is_whitespace() && !c.is_control() && !matches!(c, '/' | '@' | '?');
    if host.is_empty() || !host.chars().all(valid) {
        return Err("an endpoint's host is not valid".to_owned());
    }
    let port = match port {
        Some(port) => Some(
            port.parse()
                .ok()
                .filter(|port| *port != 0)
                .ok_or("an endpoint's port is not a number from 1 to 65535")?,
        ),
        None => None,
    };
    Ok(Endpoint::Tcp {
        host: host.to_owned(),
        port,
    })
}

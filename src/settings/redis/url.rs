//! Redis URLs, as hosting platforms hand them out in `REDIS_URL`.

use super::{
    Certificates, Endpoint, RedisOptions,
    connection_string::{self, endpoint},
};
use crate::settings::Secret;

const SCHEMES: [&str; 10] = [
    "redis",
    "rediss",
    "valkey",
    "valkeys",
    "redis-sentinel",
    "rediss-sentinel",
    "redis-cluster",
    "rediss-cluster",
    "redis+unix",
    "unix",
];

/// Whether a text before `://` makes the whole a URL.
pub(super) fn is_scheme(scheme: &str) -> bool {
    let scheme = scheme.trim();
    // Any plain word: an unknown scheme must not be taken for a host name and end in a log.
    !scheme.is_empty()
        && scheme
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-'))
}

/// Reads what follows `scheme://`.
pub(super) fn parse(scheme: &str, rest: &str) -> Result<RedisOptions, String> {
    let scheme = scheme.trim().to_ascii_lowercase();
    if !SCHEMES.contains(&scheme.as_str()) {
        return Err("the address has an unknown scheme".to_owned());
    }
    let mut options = RedisOptions {
        ssl: scheme.starts_with("rediss") || scheme == "valkeys",
        ssl_is_set: true,
        cluster: scheme.ends_with("-cluster"),
        ..RedisOptions::default()
    };
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (credentials, place) = match rest.rsplit_once('@') {
        Some((credentials, place)) => (Some(credentials), place),
        None => (None, rest),
    };
    if let Some(credentials) = credentials {
        set_credentials(&mut options, credentials)?;
    }
    if matches!(scheme.as_str(), "unix" | "redis+unix") {
        options.endpoints.push(Endpoint::Unix(decode(place)?));
    } else {
        set_place(&mut options, &scheme, place)?;
    }
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        set_parameter(&mut options, key, &decode(value)?)?;
    }
    if scheme.ends_with("-sentinel") && options.service_name.is_none() {
        return Err("a Sentinel address needs sentinelServiceName".to_owned());
    }
    Ok(options)
}

fn set_credentials(options: &mut RedisOptions, credentials: &str) -> Result<(), String> {
    let (user, password) = match credentials.split_once(':') {
        Some((user, password)) => (user, Some(password)),
        // A lone word is the password, as redis-cli reads it; a user without one is of no use.
        None => ("", Some(credentials)),
    };
    options.user = Some(decode(user)?).filter(|user| !user.is_empty());
    if let Some(password) = password.filter(|password| !password.is_empty()) {
        options.password = Some(Secret::new(decode(password)?));
    }
    Ok(())
}

/// `host:port/database`, several hosts separated by commas.
fn set_place(options: &mut RedisOptions, scheme: &str, place: &str) -> Result<(), String> {
    let (hosts, database) = place.split_once('/').unwrap_or((place, ""));
    for host in hosts.split(',').filter(|host| !host.is_empty()) {
        let mut endpoint = endpoint(host)?;
        // A URL's default port is 6379 also with TLS, unlike a connection string's.
        if let Endpoint::Tcp {
            port: port @ None, ..
        } = &mut endpoint
            && !scheme.ends_with("-sentinel")
        {
            *port = Some(6379);
        }
        options.endpoints.push(endpoint);
    }
    if !database.is_empty() {
        options.default_database = Some(self::database(database)?);
    }
    Ok(())
}

fn set_parameter(options: &mut RedisOptions, key: &str, value: &str) -> Result<(), String> {
    match key.to_ascii_lowercase().as_str() {
        "sentinelservicename" => options.service_name = Some(value.to_owned()),
        "sentinelusername" => options.sentinel_user = Some(value.to_owned()),
        "sentinelpassword" => options.sentinel_password = Some(Secret::new(value)),
        "node" => options.endpoints.push(endpoint(value)?),
        "channelprefix" => options.channel_prefix = Some(value.to_owned()),
        "sslverify" => options.certificates = connection_string::certificates(key, value)?,
        // As Python's client spells it, which hosting platforms' guides repeat.
        "ssl_cert_reqs" if matches!(value, "none" | "CERT_NONE") => {
            options.certificates = Certificates::NotVerified;
        }
        "sslcafile" => options.ssl_ca_file = Some(value.into()),
        "name" => options.client_name = Some(value.to_owned()),
        "protocol" => options.protocol = Some(connection_string::protocol(value)?),
        "db" | "database" => options.default_database = Some(database(value)?),
        _ => options
            .warnings
            .push(format!("{key}: is not known and ignored")),
    }
    Ok(())
}

fn database(text: &str) -> Result<u8, String> {
    text.trim_end_matches('/')
        .parse()
        .map_err(|_| "the database is not a number from 0 to 255".to_owned())
}

/// Percent-decoding; credentials in a URL need it for `@`, `:` and `/`.
fn decode(text: &str) -> Result<String, String> {
    let fail = || "the address has a bad percent-encoding".to_owned();
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let (digits, tail) = tail.split_at_checked(2).ok_or_else(fail)?;
        let hex = |digit: u8| char::from(digit).to_digit(16).ok_or_else(fail);
        bytes.push((hex(digits[0])? * 16 + hex(digits[1])?) as u8);
        rest = tail;
    }
    String::from_utf8(bytes).map_err(|_| fail())
}

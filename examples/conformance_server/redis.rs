//! `REDIS`: the fleet this server is part of, as `HOST:PORT` or `HOST:PORT,channelPrefix=PREFIX`.

use managing_api::redis::{Options, RedisService};

/// Begins to connect.
pub fn connect(text: &str) -> Result<RedisService, Box<dyn std::error::Error>> {
    let mut parts = text.split(',').map(str::trim);
    let endpoint = parts.next().unwrap_or_default();
    let (host, port) = endpoint
        .rsplit_once(':')
        .ok_or_else(|| format!("REDIS={endpoint} has no port"))?;
    let mut options = Options::server(host, port.parse()?);
    for part in parts {
        match part.split_once('=') {
            Some((key, prefix)) if key.eq_ignore_ascii_case("channelPrefix") => {
                prefix.clone_into(&mut options.prefix);
            }
            _ => return Err(format!("REDIS: {part} is not understood").into()),
        }
    }
    Ok(RedisService::start(options))
}

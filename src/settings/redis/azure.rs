//! Azure's host names, which StackExchange.Redis treats specially.

use super::{Endpoint, RedisOptions};

/// Azure Cache for Redis: TLS on port 6380.
const CACHE: [&str; 5] = [
    ".redis.cache.windows.net",
    ".redis.cache.chinacloudapi.cn",
    ".redis.cache.usgovcloudapi.net",
    ".redis.cache.sovcloud-api.de",
    ".redis.cache.sovcloud-api.fr",
];
/// Azure Managed Redis and the Enterprise tiers: always TLS.
const MANAGED: [&str; 4] = [
    ".redis.azure.net",
    ".redis.chinacloudapi.cn",
    ".redis.usgovcloudapi.net",
    ".redisenterprise.cache.azure.net",
];

/// Turns TLS on where Azure offers nothing else and the string does not say.
pub(super) fn apply(options: &mut RedisOptions) {
    if options.ssl_is_set {
        return;
    }
    options.ssl = options.endpoints.iter().any(|endpoint| match endpoint {
        Endpoint::Unix(_) => false,
        Endpoint::Tcp { host, port } => {
            let host = host.to_ascii_lowercase();
            let within = |domains: &[&str]| domains.iter().any(|domain| host.ends_with(domain));
            within(&MANAGED) || within(&CACHE) && *port == Some(6380)
        }
    });
}

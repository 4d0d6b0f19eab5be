//! What proxies say about a request: which client sent it and which host it asked for.
//!
//! Anybody can write these headers, so they are believed only as far as the chain of known proxies
//! reaches, from the nearest one outwards.

use std::{net::IpAddr, sync::Arc};

use actix_web::http::header::HeaderMap;

type Trusts = dyn Fn(IpAddr) -> bool + Send + Sync;

/// Whose `X-Forwarded-For` and `X-Forwarded-Host` are believed. Nobody's, if nothing is said.
#[derive(Clone, Default)]
pub struct KnownProxies(Option<Arc<Trusts>>);

/// Where a request came from, as far as that is known.
#[derive(Debug, PartialEq)]
pub(super) struct Origin<'a> {
    pub client: Option<IpAddr>,
    pub host: Option<&'a str>,
}

impl KnownProxies {
    /// `trusts` tells whether a proxy of this address is known.
    pub fn new(trusts: impl Fn(IpAddr) -> bool + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(trusts)))
    }

    fn trusts(&self, address: Option<IpAddr>) -> bool {
        let Some(trusts) = &self.0 else {
            return false;
        };
        address.is_some_and(|address| trusts(address))
    }

    /// Who sent a request that `peer` delivered.
    pub(super) fn origin<'a>(&self, peer: Option<IpAddr>, headers: &'a HeaderMap) -> Origin<'a> {
        let mut origin = Origin {
            client: peer,
            host: entries(headers, "host").next(),
        };
        if !self.trusts(peer) {
            return origin;
        }
        // Each proxy appends whom it got the request from.
        let hops: Vec<_> = entries(headers, "x-forwarded-for").collect();
        let mut proxies = 1;
        for hop in hops.iter().rev() {
            let Some(address) = address(hop) else {
                break;
            };
            origin.client = Some(address);
            if !self.trusts(origin.client) {
                break;
            }
            proxies += 1;
        }
        let hosts: Vec<_> = entries(headers, "x-forwarded-host").collect();
        let by_outermost = hosts.len().saturating_sub(proxies);
        origin.host = hosts.get(by_outermost).copied().or(origin.host);
        origin
    }
}

/// The elements of a header that is a list, over all its lines.
fn entries<'a>(headers: &'a HeaderMap, name: &'static str) -> impl Iterator<Item = &'a str> {
    headers
        .get_all(name)
        .filter_map(|value| value.to_str().ok())
        .flat_map(|line| line.split(','))
        .map(str::trim)
        .filter(|entry| !entry.is_empty())
}

/// `10.0.0.1`, `10.0.0.1:80`, `::1` or `[::1]:80`.
fn address(text: &str) -> Option<IpAddr> {
    let without_port = || text.parse().map(|socket: std::net::SocketAddr| socket.ip());
    text.parse().or_else(|_| without_port()).ok()
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::{HeaderName, HeaderValue};

    use super::*;

    fn headers(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            let name = HeaderName::from_static(name);
            headers.append(name, HeaderValue::from_static(value));
        }
        headers
    }

    /// Client and host of a request from `peer`, where 10.0.0.0/8 is ours.
    fn origin(peer: &str, lines: &[(&'static str, &'static str)]) -> (String, Option<String>) {
        let ours = |address| matches!(address, IpAddr::V4(v4) if v4.octets()[0] == 10);
        let headers = headers(lines);
        let known = KnownProxies::new(ours);
        let origin = known.origin(peer.parse().ok(), &headers);
        let client = origin.client.expect("is an address");
        (client.to_string(), origin.host.map(str::to_owned))
    }

    #[test]
    fn a_stranger_is_not_believed() {
        let said = [
            ("host", "inner"),
            ("x-forwarded-for", "1.1.1.1"),
            ("x-forwarded-host", "evil"),
        ];
        assert_eq!(
            origin("9.9.9.9", &said),
            ("9.9.9.9".into(), Some("inner".into()))
        );
        let nobody = KnownProxies::default();
        let headers = headers(&said);
        assert_eq!(
            nobody.origin("10.0.0.1".parse().ok(), &headers).host,
            Some("inner")
        );
    }

    #[test]
    fn known_proxies_are_believed_as_far_as_their_chain_reaches() {
        for (for_lines, client) in [
            (vec!["1.1.1.1"], "1.1.1.1"),
            (vec!["8.8.8.8, 1.1.1.1"], "1.1.1.1"),
            (vec!["8.8.8.8", "1.1.1.1:4711, 10.0.0.2"], "1.1.1.1"),
            (vec!["[::1]:80"], "::1"),
            (vec!["8.8.8.8, unknown"], "10.0.0.1"),
            (vec!["10.0.0.3"], "10.0.0.3"),
            (vec![], "10.0.0.1"),
        ] {
            let lines: Vec<_> = for_lines
                .iter()
                .map(|line| ("x-forwarded-for", *line))
                .collect();
            assert_eq!(origin("10.0.0.1", &lines).0, client, "{for_lines:?}");
        }
    }

    #[test]
    fn the_host_is_that_of_the_outermost_known_proxy() {
        let host = |for_line, host_line| {
            let lines = [
                ("host", "inner"),
                ("x-forwarded-for", for_line),
                ("x-forwarded-host", host_line),
            ];
            origin("10.0.0.1", &lines).1
        };
        assert_eq!(host("1.1.1.1", "public").as_deref(), Some("public"));
        assert_eq!(host("1.1.1.1", "forged, public").as_deref(), Some("public"));
        let two = host("1.1.1.1, 10.0.0.2", "forged, public, middle");
        assert_eq!(two.as_deref(), Some("public"));
        assert_eq!(host("1.1.1.1", "").as_deref(), Some("inner"));
    }
}

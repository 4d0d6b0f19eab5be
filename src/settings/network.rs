//! Ports, origins and proxies: what the server trusts of the network around it.

use std::net::IpAddr;

use super::{Environment, Section, Sources};

/// The port when nothing names one.
const DEFAULT_PORT: u16 = 8080;

/// `PORT`, else the port of `ASPNETCORE_URLS`, else 8080.
pub fn port(sources: &Sources) -> Result<u16, String> {
    if let Some(port) = sources
        .variable("PORT")
        .filter(|port| !port.trim().is_empty())
    {
        return port
            .trim()
            .parse()
            .map_err(|_| "PORT: expected a port number".to_owned());
    }
    let urls = sources.variable("ASPNETCORE_URLS").unwrap_or_default();
    let mut http = urls
        .split(';')
        .map(str::trim)
        .filter(|url| !url.is_empty())
        .peekable();
    if http.peek().is_none() {
        return Ok(DEFAULT_PORT);
    }
    // TLS ends at the load balancer; an https:// address is not ours to serve.
    http.find_map(|url| port_of_url(url.strip_prefix("http://")?))
        .ok_or_else(|| {
            "ASPNETCORE_URLS: expected an http:// address with a port, as http://+:8080".to_owned()
        })
}

/// The port of `+:5000`, `[::]:5000/`, `localhost`.
fn port_of_url(authority: &str) -> Option<u16> {
    let host_and_port = authority.split('/').next()?;
    let after_host = host_and_port.rsplit(']').next()?;
    match after_host.rsplit_once(':') {
        Some((_, port)) => port.parse().ok(),
        None => Some(80),
    }
}

/// Which web pages of other origins may connect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origins {
    Any,
    Listed(Vec<String>),
}

impl Origins {
    pub(super) fn read(root: &Section, environment: &Environment) -> Self {
        let listed = root.section("Cors").list("Origins");
        match listed {
            Some(origins) if origins.iter().any(|origin| origin == "*") => Self::Any,
            // An Origin header has no slash at the end; who copies an address often has.
            Some(origins) => Self::Listed(
                origins
                    .iter()
                    .map(|origin| origin.trim_end_matches('/').to_owned())
                    .collect(),
            ),
            None if environment.is_development() => Self::Any,
            None => Self::Listed(Vec::new()),
        }
    }
}

/// An address or a network in CIDR form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    prefix: u8,
}

impl Network {
    pub fn parse(text: &str) -> Option<Self> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix.parse().ok()?)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().ok()?;
        let bits = if address.is_ipv4() { 32 } else { 128 };
        let prefix = prefix.unwrap_or(bits);
        (prefix <= bits).then_some(Self { address, prefix })
    }

    /// Whether an address belongs to the network. An IPv4 peer of a dual-stack socket counts
    /// under its IPv4 address.
    pub fn contains(&self, peer: IpAddr) -> bool {
        match (self.address, peer.to_canonical()) {
            (IpAddr::V4(ours), IpAddr::V4(peer)) => {
                let shift = 32 - u32::from(self.prefix);
                ours.to_bits().checked_shr(shift) == peer.to_bits().checked_shr(shift)
            }
            (IpAddr::V6(ours), IpAddr::V6(peer)) => {
                let shift = 128 - u32::from(self.prefix);
                ours.to_bits().checked_shr(shift) == peer.to_bits().checked_shr(shift)
            }
            _ => false,
        }
    }
}

/// `ForwardedHeaders:KnownProxies`: whose `X-Forwarded-*` headers are believed.
pub(super) fn known_proxies(root: &Section) -> Vec<Network> {
    let section = root.section("ForwardedHeaders");
    let texts = section.list("KnownProxies").unwrap_or_default();
    let networks: Vec<_> = texts
        .iter()
        .filter_map(|text| Network::parse(text))
        .collect();
    if networks.len() < texts.len() {
        section.fault(
            "KnownProxies",
            "expected addresses or networks, as 10.0.0.0/8",
        );
    }
    networks
}

#[cfg(test)]
mod tests {
    use super::*;

    fn port_with(variables: &[(&str, &str)]) -> Result<u16, String> {
        port(&Sources::new("nowhere", variables.iter().copied()))
    }

    #[test]
    fn the_port_is_port_else_that_of_the_urls_else_8080() {
        let urls = ("ASPNETCORE_URLS", "https://+:5001;http://+:5000");
        assert_eq!(port_with(&[("PORT", "81"), urls]), Ok(81));
        assert_eq!(port_with(&[("PORT", ""), urls]), Ok(5000));
        assert_eq!(port_with(&[]), Ok(8080));
        for (url, expected) in [
            ("http://*:1", 1),
            ("http://[::]:2/", 2),
            ("http://localhost", 80),
            ("http://[::1]", 80),
        ] {
            assert_eq!(
                port_with(&[("ASPNETCORE_URLS", url)]),
                Ok(expected),
                "{url}"
            );
        }
        assert!(port_with(&[("PORT", "eighty")]).is_err());
        assert!(port_with(&[("PORT", "65536")]).is_err());
        assert!(port_with(&[("ASPNETCORE_URLS", "https://+:5001")]).is_err());
    }

    #[test]
    fn a_network_contains_its_addresses() {
        let contains = |network: &str, peer: &str| {
            Network::parse(network)
                .unwrap()
                .contains(peer.parse().unwrap())
        };
        assert!(contains("10.0.0.0/8", "10.200.3.4"));
        assert!(contains("10.0.0.0/8", "::ffff:10.1.1.1"));
        assert!(!contains("10.0.0.0/8", "11.0.0.1"));
        assert!(contains("192.168.1.1", "192.168.1.1"));
        assert!(!contains("192.168.1.1", "192.168.1.2"));
        assert!(contains("0.0.0.0/0", "1.2.3.4"));
        assert!(contains("fd00::/8", "fd12::1"));
        assert!(!contains("::1", "127.0.0.1"));
        for text in ["", "10.0.0.0/33", "10.0.0/8", "x", "::/129", "1.1.1.1/"] {
            assert_eq!(Network::parse(text), None, "{text}");
        }
    }
}

//! Which pages of other origins may use the hubs.
//!
//! Answers to other origins name the origin, allow credentials and are readable on errors too. For
//! WebSockets, which browsers do not guard, the origin is checked here.

use actix_cors::Cors;
use actix_web::http::header::HeaderValue;

use super::KnownProxies;

/// The origins that are let in.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum AllowedOrigins {
    /// Every origin.
    #[default]
    Any,
    /// These, compared without regard to case; the page's own origin is always allowed.
    Only(Vec<String>),
}

impl AllowedOrigins {
    /// Whether a page of `origin` may connect to `host`.
    pub fn allows(&self, origin: &str, host: Option<&str>) -> bool {
        match self {
            Self::Any => true,
            Self::Only(origins) => {
                let own = origin.split_once("://").map(|(_, authority)| authority);
                own.is_some_and(|own| host.is_some_and(|host| own.eq_ignore_ascii_case(host)))
                    || origins
                        .iter()
                        .any(|allowed| allowed.trim_end_matches('/').eq_ignore_ascii_case(origin))
            }
        }
    }

    /// What the middleware adds to answers, for those that never reach it. A browser does not ask for
    /// it on WebSockets, but the reference answers upgrades so too.
    pub fn header_lines(&self, origin: Option<&str>, host: Option<&str>) -> String {
        match origin {
            Some(origin) if self.allows(origin, host) => format!(
                "Access-Control-Allow-Origin: {origin}\r\nAccess-Control-Allow-Credentials: true\r\nVary: Origin\r\n"
            ),
            _ => String::new(),
        }
    }

    /// The middleware for everything but WebSockets.
    pub fn middleware(&self, known_proxies: &KnownProxies) -> Cors {
        let (origins, known_proxies) = (self.clone(), known_proxies.clone());
        Cors::default()
            .allowed_origin_fn(move |origin: &HeaderValue, request| {
                let peer = request.peer_addr.map(|address| address.ip());
                let host = known_proxies.origin(peer, request.headers()).host;
                origin
                    .to_str()
                    .is_ok_and(|origin| origins.allows(origin, host))
            })
            .allow_any_method()
            .allow_any_header()
            .supports_credentials()
            .block_on_origin_mismatch(false)
            .max_age(600)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_listed_origins_and_the_own_one_are_let_in() {
        let only = AllowedOrigins::Only(vec!["https://app.example".into()]);
        assert!(only.allows("https://APP.example", None));
        assert!(only.allows("http://api.example:8080", Some("api.example:8080")));
        assert!(!only.allows("https://evil.example", Some("api.example")));
        assert!(!only.allows("null", None));
        assert!(AllowedOrigins::Any.allows("https://evil.example", None));
    }
}

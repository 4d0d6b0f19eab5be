//! Negotiation: which transports there are, and a token for one connection (reference section 1).
//! Version 1 keeps nothing on the server; an id of version 0 is remembered until it is used.

use std::{borrow::Cow, time::SystemTime};

use serde::Serialize;

use super::registry::Connections;
use crate::signalr::{
    connection::{ConnectionId, RequestData, TransportKind},
    fleet::ConnectionKey,
    hub::HubEndpoint,
};

/// The versions we speak: 0, and 1 with a token besides the id.
const HIGHEST: i32 = 1;

/// What a client asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NegotiateVersion(pub i32);

/// Why a negotiation fails; the client reads the text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NegotiateError {
    /// Not a 32-bit integer.
    #[error("The client requested a non-integer protocol version.")]
    NotAnInteger,
    /// Below `MinimumProtocolVersion`.
    #[error("The client requested version '{0}', but the server does not support this version.")]
    Unsupported(i32),
}

impl NegotiateVersion {
    /// Reads `negotiateVersion` of a query; absent means 0, anything above 1 means 1.
    pub fn from_query(request: &RequestData, minimum: i32) -> Result<Self, NegotiateError> {
        let values: Vec<_> = request.query_values("negotiateVersion").collect();
        let asked = match values.as_slice() {
            [] => 0,
            [value] => value
                .trim()
                .parse()
                .map_err(|_| NegotiateError::NotAnInteger)?,
            _ => return Err(NegotiateError::NotAnInteger),
        };
        if asked < minimum {
            return Err(NegotiateError::Unsupported(asked));
        }
        Ok(Self(asked.min(HIGHEST)))
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Response<'a> {
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    use_stateful_reconnect: bool,
    negotiate_version: i32,
    connection_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    connection_token: Option<String>,
    available_transports: Vec<AvailableTransport>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AvailableTransport {
    transport: &'static str,
    transfer_formats: &'static [&'static str],
}

#[derive(Serialize)]
struct Failure {
    error: String,
}

/// Answers a negotiation, always with status 200.
pub async fn negotiate(
    connections: &Connections,
    (hub, endpoint): (usize, &HubEndpoint),
    request: &RequestData,
    user: Option<&str>,
) -> String {
    let options = endpoint.connection_options();
    let version = match NegotiateVersion::from_query(request, options.minimum_protocol_version) {
        Ok(version) => version,
        Err(error) => {
            return json(&Failure {
                error: error.to_string(),
            });
        }
    };
    if let Some(fleet) = connections.fleet() {
        fleet.met().await;
    }
    let stateful = asks_for_stateful_reconnect(request) && options.allow_stateful_reconnects;
    let (token, id) = if version.0 == 0 {
        (None, reserve(connections, (hub, endpoint), stateful).await)
    } else {
        let (token, id) =
            connections
                .keys()
                .issue(endpoint.path(), stateful, user, SystemTime::now());
        (Some(token), id)
    };
    json(&Response {
        use_stateful_reconnect: stateful,
        negotiate_version: version.0,
        connection_id: id.as_str(),
        connection_token: token,
        available_transports: available(endpoint),
    })
}

/// `true` in any letter case, with blanks around it or not, and once.
fn asks_for_stateful_reconnect(request: &RequestData) -> bool {
    let mut values = request.query_values("useStatefulReconnect");
    let is_true = |value: Cow<'_, str>| value.trim().eq_ignore_ascii_case("true");
    values.next().is_some_and(is_true) && values.next().is_none()
}

/// A version-0 id has nothing in it, so its transport's request is expected: here, and, as far as
/// Redis answers, on the other instances.
async fn reserve(
    connections: &Connections,
    (hub, endpoint): (usize, &HubEndpoint),
    stateful: bool,
) -> ConnectionId {
    let lifetime = endpoint.connection_options().disconnect_timeout;
    let id = connections.reserve(hub, stateful, lifetime);
    if let Some(fleet) = connections.fleet() {
        let key = ConnectionKey::of(id.as_str());
        let directory = fleet.directory();
        let _here_at_least = directory
            .reserve(key, endpoint.path(), stateful, lifetime)
            .await;
    }
    id
}

/// The enabled transports in the clients' order of preference.
fn available(endpoint: &HubEndpoint) -> Vec<AvailableTransport> {
    let enabled = endpoint.connection_options().transports;
    [
        TransportKind::WebSockets,
        TransportKind::ServerSentEvents,
        TransportKind::LongPolling,
    ]
    .into_iter()
    .filter(|kind| enabled.allows(*kind))
    .map(|kind| AvailableTransport {
        transport: kind.name(),
        transfer_formats: if kind.is_binary() {
            &["Text", "Binary"]
        } else {
            &["Text"]
        },
    })
    .collect()
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value)
        .unwrap_or_else(|error| unreachable!("texts and numbers serialise: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(query: &str, minimum: i32) -> Result<NegotiateVersion, NegotiateError> {
        NegotiateVersion::from_query(&RequestData::new("/", query, [].into_iter(), None), minimum)
    }

    #[test]
    fn stateful_reconnect_is_asked_for_by_one_true() {
        for (query, expected) in [
            ("useStatefulReconnect=true", true),
            ("USESTATEFULRECONNECT=%20TRUE", true),
            ("useStatefulReconnect=1", false),
            ("useStatefulReconnect=true&useStatefulReconnect=true", false),
            ("", false),
        ] {
            let request = RequestData::new("/", query, [].into_iter(), None);
            assert_eq!(asks_for_stateful_reconnect(&request), expected, "{query}");
        }
    }

    #[test]
    fn versions_are_read_as_the_reference_reads_them() {
        use NegotiateError::{NotAnInteger, Unsupported};
        for (query, minimum, expected) in [
            ("", 0, Ok(0)),
            ("negotiateVersion=1", 0, Ok(1)),
            ("NEGOTIATEVERSION=7", 0, Ok(1)),
            ("negotiateVersion=%20%2B1%20", 0, Ok(1)),
            ("negotiateVersion=", 0, Err(NotAnInteger)),
            ("negotiateVersion=1.5", 0, Err(NotAnInteger)),
            ("negotiateVersion=2147483648", 0, Err(NotAnInteger)),
            (
                "negotiateVersion=1&negotiateVersion=1",
                0,
                Err(NotAnInteger),
            ),
            ("negotiateVersion=-1", 0, Err(Unsupported(-1))),
            ("", 1, Err(Unsupported(0))),
        ] {
            assert_eq!(
                version(query, minimum).map(|version| version.0),
                expected,
                "{query}"
            );
        }
    }
}

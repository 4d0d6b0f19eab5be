//! The literal answers of the reference server (reference 2.3).

use actix_web::{
    HttpResponse,
    http::{StatusCode, header},
};
use bytes::Bytes;

use crate::signalr::connection::TransportKind;

/// An answer with a body of known length.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// `Content-Type`.
    pub content_type: &'static str,
    /// The whole body.
    pub body: Bytes,
}

impl Answer {
    /// Plain text, perhaps empty.
    pub fn text(status: u16, body: &'static str) -> Self {
        Self {
            status,
            content_type: "text/plain",
            body: Bytes::from_static(body.as_bytes()),
        }
    }

    /// Hub messages.
    pub fn messages(body: Bytes) -> Self {
        Self {
            status: 200,
            content_type: "application/octet-stream",
            body,
        }
    }

    /// As an HTTP response. `uncached`: with the headers that forbid caching.
    pub fn into_response(self, uncached: bool) -> HttpResponse {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = HttpResponse::build(status);
        response.insert_header((header::CONTENT_TYPE, self.content_type));
        if uncached {
            response.insert_header((header::CACHE_CONTROL, "no-cache, no-store"));
            response.insert_header((header::PRAGMA, "no-cache"));
            response.insert_header((header::EXPIRES, "Thu, 01 Jan 1970 00:00:00 GMT"));
        }
        response.body(self.body)
    }
}

/// A content type that another instance named.
pub fn content_type(name: &str) -> &'static str {
    match name {
        "application/octet-stream" => "application/octet-stream",
        "" => "",
        _ => "text/plain",
    }
}

pub fn connection_id_required() -> Answer {
    Answer::text(400, "Connection ID required")
}

pub fn no_connection() -> Answer {
    Answer::text(404, "No Connection with that ID")
}

pub fn gone() -> Answer {
    Answer::text(404, "")
}

/// Neither a hub nor its negotiation.
pub fn no_such_path() -> Answer {
    Answer {
        content_type: "",
        ..gone()
    }
}

pub fn foreign() -> Answer {
    Answer::text(403, "")
}

pub fn conflict() -> Answer {
    Answer::text(409, "")
}

/// The fleet's directory does not answer, so nobody can say where the connection is.
pub fn unavailable() -> Answer {
    Answer::text(503, "")
}

pub fn draining() -> Answer {
    Answer::text(503, "The server is stopping")
}

/// As many sockets as this instance may have.
pub fn full() -> Answer {
    Answer::text(503, "The server has no room for more connections")
}

pub fn method_not_allowed() -> Answer {
    Answer::text(405, "")
}

pub fn cannot_change_transports() -> Answer {
    Answer::text(400, "Cannot change transports mid-connection")
}

pub fn not_supported(kind: TransportKind) -> Answer {
    Answer::text(
        404,
        match kind {
            TransportKind::WebSockets => {
                "WebSockets transport not supported by this end point type"
            }
            TransportKind::ServerSentEvents => {
                "ServerSentEvents transport not supported by this end point type"
            }
            TransportKind::LongPolling => {
                "LongPolling transport not supported by this end point type"
            }
        },
    )
}

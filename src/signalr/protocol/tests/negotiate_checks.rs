//! What must hold for any query of a negotiate request. Included by the fuzz target as well.

use super::signalr::{connection::RequestData, transport::negotiate::NegotiateVersion};

/// A minimum version in the first byte, then a query.
pub fn negotiate_query(data: &[u8]) {
    let Some((minimum, query)) = data.split_first() else {
        return;
    };
    let minimum = i32::from(minimum % 3);
    let query = String::from_utf8_lossy(query);
    let request = RequestData::new("/hub/negotiate", &query, std::iter::empty(), None);
    let _ = request.query("useStatefulReconnect");
    match NegotiateVersion::from_query(&request, minimum) {
        Ok(NegotiateVersion(version)) => assert!((0..=1).contains(&version)),
        Err(error) => assert!(error.to_string().starts_with("The client requested ")),
    }
}

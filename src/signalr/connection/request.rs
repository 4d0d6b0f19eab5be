//! The HTTP request that a connection came with, kept small: one text, read when asked.

use std::{borrow::Cow, fmt, net::IpAddr};

/// Path, query, headers and origin of the request that started a connection. Query and headers hold
/// tokens, so they are not printed.
#[derive(Clone, Default)]
pub struct RequestData {
    path: Box<str>,
    query: Box<str>,
    headers: Box<str>,
    remote: Option<IpAddr>,
}

impl RequestData {
    /// Copies what is worth keeping. `headers` come as name and value.
    pub fn new<'a>(
        path: &str,
        query: &str,
        headers: impl Iterator<Item = (&'a str, &'a str)>,
        remote: Option<IpAddr>,
    ) -> Self {
        let mut text = String::new();
        for (name, value) in headers {
            text.push_str(name);
            text.push(':');
            text.push_str(value);
            text.push('\n');
        }
        Self {
            path: path.into(),
            query: query.into(),
            headers: text.into(),
            remote,
        }
    }

    /// The path of the request.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The first value of a query parameter; names match without regard to case.
    pub fn query(&self, name: &str) -> Option<Cow<'_, str>> {
        form_pairs(&self.query)
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }

    /// All values of a query parameter, percent-decoded.
    pub fn query_values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = Cow<'a, str>> {
        form_pairs(&self.query)
            .filter(move |(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }

    /// A header's value; names match without regard to case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .lines()
            .filter_map(|line| line.split_once(':'))
            .find_map(|(key, value)| key.eq_ignore_ascii_case(name).then_some(value))
    }

    /// Where the request came from, as far as trusted proxies tell.
    pub fn remote(&self) -> Option<IpAddr> {
        self.remote
    }
}

impl fmt::Debug for RequestData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestData")
            .field("path", &self.path)
            .field("remote", &self.remote)
            .finish_non_exhaustive()
    }
}

/// Splits a query into decoded names and values (`application/x-www-form-urlencoded`).
fn form_pairs(query: &str) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>)> {
    form_urlencoded::parse(query.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn query_names_match_in_any_case_and_values_are_decoded() {
        let request = RequestData::new("/hub", "ID=a%20b&user=x&user=y", [].into_iter(), None);
        assert_eq!(request.query("id").as_deref(), Some("a b"));
        assert_eq!(request.query_values("User").collect::<Vec<_>>(), ["x", "y"]);
        assert_eq!(request.query("none"), None);
    }

    #[test]
    fn tokens_are_not_printed() {
        let headers = [("authorization", "Bearer s3cret")];
        let query = "access_token=s3cret&id=s3cret";
        let request = RequestData::new("/hub", query, headers.into_iter(), None);
        let printed = format!("{request:?}");
        assert!(
            printed.contains("/hub") && !printed.contains("s3cret"),
            "{printed}"
        );
    }

    #[test]
    fn headers_match_in_any_case() {
        let headers = [("accept", "text/html"), ("x-a", "1:2")];
        let request = RequestData::new("/", "", headers.into_iter(), None);
        assert_eq!(request.header("X-A"), Some("1:2"));
    }
}

//! One of the console's files, in the smallest form that the browser takes.

use std::borrow::Cow;

use actix_web::{
    HttpResponse, HttpResponseBuilder,
    http::header::{self, HeaderValue},
};

use super::Files;

/// In the order of size; the build writes them beside each file that is worth it.
const ENCODINGS: [(&str, &str); 2] = [("br", ".br"), ("gzip", ".gz")];

pub(super) struct File {
    content: Cow<'static, [u8]>,
    content_type: &'static str,
    encoding: Option<&'static str>,
    /// Files in `assets` have their content's hash in their name.
    is_immutable: bool,
    pub tag: HeaderValue,
}

impl File {
    /// `accepted` is the browser's `Accept-Encoding`.
    pub fn find(path: &str, accepted: &str) -> Option<Self> {
        let content_type = content_type(path)?;
        let (file, encoding) = ENCODINGS
            .into_iter()
            .filter(|(name, _)| accepts(accepted, name))
            .find_map(|(name, suffix)| Some((Files::get(&format!("{path}{suffix}"))?, Some(name))))
            .or_else(|| Some((Files::get(path)?, None)))?;
        let hash = &file.metadata.sha256_hash()[..12];
        let hash: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
        Some(Self {
            content: file.data,
            content_type,
            encoding,
            is_immutable: path.starts_with("assets/"),
            tag: HeaderValue::try_from(format!("\"{hash}\"")).ok()?,
        })
    }

    pub fn answer(self, mut answer: HttpResponseBuilder) -> HttpResponse {
        let caching = if self.is_immutable {
            "public, max-age=31536000, immutable"
        } else {
            "no-cache"
        };
        answer
            .content_type(self.content_type)
            .insert_header((header::CACHE_CONTROL, caching))
            .insert_header((header::VARY, "Accept-Encoding"))
            .insert_header((header::ETAG, self.tag));
        if let Some(encoding) = self.encoding {
            answer.insert_header((header::CONTENT_ENCODING, encoding));
        }
        match self.content {
            Cow::Borrowed(content) => answer.body(content),
            Cow::Owned(content) => answer.body(content),
        }
    }
}

/// What a console is made of; anything else is no file of it.
fn content_type(path: &str) -> Option<&'static str> {
    Some(match path.rsplit_once('.')?.1 {
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "woff2" => "font/woff2",
        _ => return None,
    })
}

/// Whether an `Accept-Encoding` names the encoding without refusing it (`q=0`).
fn accepts(accepted: &str, encoding: &str) -> bool {
    accepted.split(',').any(|item| {
        let (name, quality) = item.split_once(';').unwrap_or((item, ""));
        let quality = quality.trim().trim_start_matches("q=");
        name.trim().eq_ignore_ascii_case(encoding) && quality.parse() != Ok(0.0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_encoding_is_used_only_if_the_browser_takes_it() {
        for (accepted, takes) in [
            ("br", true),
            ("gzip, deflate, br;q=0.8", true),
            ("gzip;q=1.0, br;q=0", false),
            ("gzip", false),
            ("", false),
        ] {
            assert_eq!(accepts(accepted, "br"), takes, "{accepted}");
        }
    }
}

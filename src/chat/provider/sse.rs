//! Server-sent events, read piece by piece: any split of the bytes gives the same events.

use std::mem;

/// Collects the `data` of events. Bounded: one event holds at most [`LARGEST_EVENT`] bytes.
#[derive(Default)]
pub struct EventParser {
    line: Vec<u8>,
    data: Vec<u8>,
    has_data: bool,
    /// The last byte was a CR, so an LF now belongs to it.
    after_cr: bool,
    started: bool,
}

/// The largest line, and the largest `data` of one event.
pub const LARGEST_EVENT: usize = 2 * 1024 * 1024;

/// An event grew beyond [`LARGEST_EVENT`].
#[derive(Debug, PartialEq, Eq)]
pub struct TooLarge;

impl EventParser {
    /// Takes bytes as they come and adds the data of every event they complete.
    pub fn feed(&mut self, mut bytes: &[u8], events: &mut Vec<Vec<u8>>) -> Result<(), TooLarge> {
        if bytes.is_empty() {
            return Ok(());
        }
        if mem::take(&mut self.after_cr) && bytes.first() == Some(&b'\n') {
            bytes = &bytes[1..];
        }
        while let Some(end) = memchr::memchr2(b'\r', b'\n', bytes) {
            self.grow(&bytes[..end])?;
            let is_cr = bytes[end] == b'\r';
            bytes = &bytes[end + 1..];
            match (is_cr, bytes.first()) {
                (true, Some(b'\n')) => bytes = &bytes[1..],
                (true, None) => self.after_cr = true,
                _ => {}
            }
            self.end_line(events)?;
        }
        self.grow(bytes)
    }

    /// The bytes ended: what stands in the last lines counts even without the empty line after it.
    pub fn finish(mut self, events: &mut Vec<Vec<u8>>) -> Result<(), TooLarge> {
        if !self.line.is_empty() {
            self.end_line(events)?;
        }
        self.end_line(events)
    }

    fn grow(&mut self, bytes: &[u8]) -> Result<(), TooLarge> {
        if self.line.len() + bytes.len() > LARGEST_EVENT {
            return Err(TooLarge);
        }
        self.line.extend_from_slice(bytes);
        Ok(())
    }

    fn end_line(&mut self, events: &mut Vec<Vec<u8>>) -> Result<(), TooLarge> {
        let line = mem::take(&mut self.line);
        let mut text = line.as_slice();
        if !mem::replace(&mut self.started, true) {
            text = text.strip_prefix("\u{feff}".as_bytes()).unwrap_or(text);
        }
        if text.is_empty() {
            if mem::take(&mut self.has_data) {
                events.push(mem::take(&mut self.data));
            }
        } else if let Some(value) = data_of(text) {
            self.add(value)?;
        }
        // Keeps the buffer for the next line.
        self.line = line;
        self.line.clear();
        Ok(())
    }

    fn add(&mut self, value: &[u8]) -> Result<(), TooLarge> {
        if self.data.len() + value.len() > LARGEST_EVENT {
            return Err(TooLarge);
        }
        if mem::replace(&mut self.has_data, true) {
            self.data.push(b'\n');
        }
        self.data.extend_from_slice(value);
        Ok(())
    }
}

/// The value of a `data` line; comments and other fields have none.
fn data_of(line: &[u8]) -> Option<&[u8]> {
    let value = line.strip_prefix(b"data")?;
    match value.split_first() {
        None => Some(value),
        Some((b':', value)) => Some(value.strip_prefix(b" ").unwrap_or(value)),
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Result<Vec<String>, TooLarge> {
        let mut parser = EventParser::default();
        let mut events = Vec::new();
        for piece in pieces {
            parser.feed(piece, &mut events)?;
        }
        parser.finish(&mut events)?;
        let text = |event| String::from_utf8_lossy(event).into_owned();
        Ok(events.iter().map(|event| text(event)).collect())
    }

    #[test]
    fn lines_end_with_lf_cr_or_both_and_comments_and_other_fields_are_nothing() {
        for (bytes, events) in [
            ("data: a\n\ndata: b\n\n", vec!["a", "b"]),
            ("data: a\r\n\r\ndata: b\r\n\r\n", vec!["a", "b"]),
            ("data: a\r\rdata: b\r\r", vec!["a", "b"]),
            (": keep-alive\n\n\n\ndata:a\n\n", vec!["a"]),
            (
                "event: error\nid: 1\nretry: 5\ndata: a\ndata:  b\n\n",
                vec!["a\n b"],
            ),
            ("\u{feff}data: a\n\n", vec!["a"]),
            (
                "data: no empty line after it",
                vec!["no empty line after it"],
            ),
            ("data\n\n", vec![""]),
            ("database: no\n\n", vec![]),
            ("", vec![]),
        ] {
            assert_eq!(
                parse([bytes.as_bytes()]),
                Ok(events.into_iter().map(str::to_owned).collect()),
                "{bytes:?}"
            );
        }
    }

    #[test]
    fn an_endless_line_is_refused() {
        let piece = vec![b'x'; LARGEST_EVENT / 2];
        assert_eq!(parse([b"data: ".as_slice(), &piece, &piece]), Err(TooLarge));
        let lines = format!("data: {}\n", "x".repeat(LARGEST_EVENT / 2));
        assert_eq!(
            parse([lines.as_bytes(), lines.as_bytes(), lines.as_bytes()]),
            Err(TooLarge)
        );
    }

    #[test]
    fn nothing_between_a_cr_and_its_lf_changes_nothing() {
        let pieces: [&[u8]; 4] = [b"data: a\r", b"", b"\ndata: b\n", b"\n"];
        assert_eq!(parse(pieces), Ok(vec!["a\nb".to_owned()]));
    }

    proptest! {
        #[test]
        fn any_split_gives_the_same_events(
            lines in prop::collection::vec("(data: ?|: |event: |)[a-zäß€🦀]{0,6}(\n|\r\n|\r)", 0..20),
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..8),
        ) {
            let bytes = lines.concat().into_bytes();
            let mut cuts: Vec<_> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
            cuts.sort_unstable();
            let mut pieces = Vec::new();
            let mut from = 0;
            for cut in cuts.into_iter().chain([bytes.len()]) {
                pieces.push(&bytes[from..cut]);
                from = cut;
            }
            prop_assert_eq!(parse(pieces), parse([bytes.as_slice()]));
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse([bytes.as_slice()]);
        }
    }
}

//! What happened to the connections and methods that carry a tag, in order.

use dashmap::DashMap;

/// Lists of notes by tag.
#[derive(Default)]
pub struct Journal {
    notes: DashMap<String, Vec<String>>,
}

impl Journal {
    /// Adds a note. An empty tag notes nothing.
    pub fn note(&self, tag: &str, what: impl Into<String>) {
        if !tag.is_empty() {
            self.notes
                .entry(tag.to_owned())
                .or_default()
                .push(what.into());
        }
    }

    /// The notes of a tag so far.
    pub fn events(&self, tag: &str) -> Vec<String> {
        self.notes
            .get(tag)
            .map(|notes| notes.clone())
            .unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_stay_in_order_and_with_their_tag() {
        let journal = Journal::default();
        journal.note("a", "one");
        journal.note("b", "other");
        journal.note("a", "two");
        journal.note("", "nothing");
        assert_eq!(journal.events("a"), ["one", "two"]);
        assert!(journal.events("").is_empty() && journal.events("c").is_empty());
    }
}

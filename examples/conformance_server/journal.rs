//! What happened to the connections and methods that carry a tag, in order.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

/// Process-wide lists of notes by tag.
#[derive(Default)]
pub struct Journal(Mutex<HashMap<String, Vec<String>>>);

impl Journal {
    /// Notes under a tag; an empty tag notes nothing.
    pub fn note(&self, tag: &str, what: &str) {
        if !tag.is_empty() {
            let mut notes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            notes
                .entry(tag.to_owned())
                .or_default()
                .push(what.to_owned());
        }
    }

    /// The notes of a tag so far.
    pub fn events(&self, tag: &str) -> Vec<String> {
        let notes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        notes.get(tag).cloned().unwrap_or_default()
    }
}

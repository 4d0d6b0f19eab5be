//! The merged layers while they are read, with an account of the reading: what was wrong and where
//! it came from, and which keys nobody asked for. [`Section`] reads the values.

use std::{
    cell::RefCell,
    collections::{BTreeSet, HashSet},
};

use figment::{
    Figment,
    value::{Dict, Value},
};

use super::{Fault, Section, SettingsError};

/// The merged layers with the account of one reading.
pub(super) struct Layers {
    figment: Figment,
    values: Dict,
    faults: RefCell<Vec<Fault>>,
    /// Lower-case paths that a setting was read from.
    asked: RefCell<HashSet<String>>,
}

impl Layers {
    pub fn new(figment: Figment) -> Self {
        // An empty figment has no data to find, which is the same as an empty object.
        let values = figment.find_value("").ok().and_then(Value::into_dict);
        Self {
            figment,
            values: values.unwrap_or_default(),
            faults: RefCell::default(),
            asked: RefCell::default(),
        }
    }

    /// The section that holds everything.
    pub fn root(&self) -> Section<'_> {
        Section::root(self, &self.values)
    }

    /// Everything that was wrong, as one error.
    pub fn finish(self) -> Result<(), SettingsError> {
        let faults = self.faults.into_inner();
        if faults.is_empty() {
            Ok(())
        } else {
            Err(SettingsError { faults })
        }
    }

    pub fn note_fault(&self, fault: Fault) {
        self.faults.borrow_mut().push(fault);
    }

    pub fn note_asked(&self, path: String) {
        self.asked.borrow_mut().insert(path);
    }

    /// The keys that settings were read from, in lower case.
    #[cfg(test)]
    pub fn asked_keys(&self) -> BTreeSet<String> {
        self.asked.borrow().iter().cloned().collect()
    }

    /// Keys in the layers that no setting was read from: misspelt, most likely.
    pub fn unknown_keys(&self) -> Vec<String> {
        let mut unknown = BTreeSet::new();
        let asked = self.asked.borrow();
        for (section, value) in &self.values {
            let ours = asked.iter().any(|path| in_section(path, section));
            // An environment variable with `__` may be a stranger's, a file's key is not.
            let is_strange = |source: &str| ours || source.starts_with("file");
            if !section.starts_with('$') {
                self.collect_unknown(section, value, &asked, &is_strange, &mut unknown);
            }
        }
        unknown.into_iter().collect()
    }

    fn collect_unknown(
        &self,
        path: &str,
        value: &Value,
        asked: &HashSet<String>,
        is_strange: &dyn Fn(&str) -> bool,
        unknown: &mut BTreeSet<String>,
    ) {
        if asked.contains(path) {
            return;
        }
        match value {
            Value::Dict(_, members) => {
                for (key, member) in members {
                    let path = format!("{path}:{key}");
                    self.collect_unknown(&path, member, asked, is_strange, unknown);
                }
            }
            leaf => {
                let source = self.source(leaf);
                if is_strange(&source) {
                    unknown.insert(format!("{path} ({source})"));
                }
            }
        }
    }

    /// Where a value was set: a file, or a variable.
    pub fn source(&self, value: &Value) -> String {
        self.figment.get_metadata(value.tag()).map_or_else(
            || "unknown source".to_owned(),
            |found| found.name.to_string(),
        )
    }
}

fn in_section(path: &str, section: &str) -> bool {
    path.strip_prefix(section)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with(':'))
}

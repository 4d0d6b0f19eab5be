//! Declarations of types and of all that they are made of, each once.

use std::any::TypeId;
use std::collections::{BTreeMap, HashSet};

use ts_rs::{Config, TS, TypeVisitor};

pub struct Declarations {
    config: Config,
    /// By name, so that the file changes only where a type does.
    by_name: BTreeMap<String, String>,
    seen: HashSet<TypeId>,
}

impl Default for Declarations {
    fn default() -> Self {
        Self {
            // No number here is beyond what a JavaScript number holds exactly.
            config: Config::default().with_large_int("number"),
            by_name: BTreeMap::new(),
            seen: HashSet::new(),
        }
    }
}

impl Declarations {
    pub fn add<T: TS + 'static + ?Sized>(&mut self) {
        if !self.seen.insert(TypeId::of::<T>()) {
            return;
        }
        // What has no place of its own is a type of TypeScript's.
        if T::output_path().is_some() {
            let name = T::ident(&self.config);
            let declaration = T::decl(&self.config);
            let docs = T::docs().unwrap_or_default();
            let text = format!("{docs}export {declaration}\n");
            if let Some(before) = self.by_name.insert(name.clone(), text) {
                let same = before.ends_with(&format!("export {declaration}\n"));
                assert!(same, "two types are called {name}");
            }
        }
        T::visit_dependencies(self);
        T::visit_generics(self);
    }

    pub fn text(&self) -> String {
        let texts: Vec<&str> = self.by_name.values().map(String::as_str).collect();
        texts.join("\n")
    }
}

impl TypeVisitor for Declarations {
    fn visit<T: TS + 'static + ?Sized>(&mut self) {
        self.add::<T>();
    }
}

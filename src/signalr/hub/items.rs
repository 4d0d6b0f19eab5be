//! What a hub keeps with a connection between calls: serialisable values by name, so that a
//! connection can be written down and rebuilt.

use std::cell::RefCell;

use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

/// The values of one connection.
#[derive(Default)]
pub struct Items(RefCell<Vec<(Box<str>, Value)>>);

impl Items {
    /// Reads a value; None if it was never set or has another type.
    pub fn get<T: DeserializeOwned>(&self, key: &str) -> Option<T> {
        let values = self.0.borrow();
        let (_, value) = values.iter().find(|(name, _)| &**name == key)?;
        T::deserialize(value).ok()
    }

    /// Keeps a value. One that cannot be serialised is kept as null.
    pub fn set<T: Serialize + ?Sized>(&self, key: &str, value: &T) {
        let value = serde_json::to_value(value).unwrap_or(Value::Null);
        let mut values = self.0.borrow_mut();
        match values.iter_mut().find(|(name, _)| &**name == key) {
            Some((_, kept)) => *kept = value,
            None => values.push((key.into(), value)),
        }
    }

    /// Forgets a value.
    pub fn remove(&self, key: &str) {
        self.0.borrow_mut().retain(|(name, _)| &**name != key);
    }
}

//! A text that must not be printed: passwords, keys, tokens.

use std::fmt;

/// What a secret looks like wherever it is shown.
pub const MASK: &str = "*****";

/// Holds a secret. `Debug` shows a mask, there is no `Display`, and it does not serialise;
/// reading it takes the deliberate word [`Secret::expose`].
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself, for the one place that needs it.
    pub fn expose(&self) -> &str {
        &self.0
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(MASK)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_prints_as_a_mask_also_inside_another_value() {
        let secret = Some(Secret::new("hunter2"));
        assert_eq!(format!("{secret:?}"), "Some(*****)");
        assert!(!format!("{secret:#?}").contains("hunter2"));
    }
}

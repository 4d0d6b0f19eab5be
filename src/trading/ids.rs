//! Ids of bots, backtests, bundles and what belongs to them.

use std::sync::Arc;

use crate::problem::Problem;

/// A bot's, backtest's, bundle's or connection's id. Shared, as events and indexes all carry it.
pub type Id = Arc<str>;

/// The most an id may have.
pub const MAXIMUM_LENGTH: usize = 128;

/// 1 to 128 characters, none of them a control character.
pub fn is_valid(id: &str) -> bool {
    !id.is_empty() && id.chars().count() <= MAXIMUM_LENGTH && !id.chars().any(char::is_control)
}

/// The id as this room keeps it, or the reason why it is none.
pub fn check(id: &str, member: &str) -> Result<Id, Problem> {
    if is_valid(id) {
        return Ok(id.into());
    }
    Err(Problem::invalid(format!(
        "`{member}` must have 1 to {MAXIMUM_LENGTH} characters and no control characters"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_has_1_to_128_characters_and_no_control_characters() {
        for good in ["a", "a/b c", "ü", &"é".repeat(128)] {
            assert!(is_valid(good), "{good}");
        }
        for bad in ["", "a\nb", "\u{1}", "\u{85}", &"a".repeat(129)] {
            assert!(!is_valid(bad), "{bad:?}");
        }
    }
}

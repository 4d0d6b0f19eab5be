//! `Limits:…`: how much one user and one connection may do.

use std::num::NonZeroU32;

use super::Section;

/// What is `None` is not limited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LimitSettings {
    /// Hub calls and HTTP requests of one user in a second, over all instances.
    pub calls_per_user: Option<NonZeroU32>,
    /// Hub calls of one connection in a second.
    pub calls_per_connection: Option<NonZeroU32>,
    /// Open connections of one user on this instance, on all hubs together.
    pub connections_per_user: Option<NonZeroU32>,
}

impl LimitSettings {
    pub(super) fn read(root: &Section) -> Self {
        let section = root.section("Limits");
        let limit = |name, default| {
            let number = section.number(name, 0..=1_000_000_000);
            NonZeroU32::new(number.unwrap_or(default))
        };
        Self {
            calls_per_user: limit("CallsPerSecondPerUser", 10_000),
            calls_per_connection: limit("CallsPerSecondPerConnection", 5_000),
            connections_per_user: limit("ConnectionsPerUser", 1_000),
        }
    }
}

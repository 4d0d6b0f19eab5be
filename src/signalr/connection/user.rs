//! Who a client is.

use std::time::SystemTime;

/// An authenticated user. Equal ids are the same user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// What `Clients::user` addresses.
    pub id: String,
    /// Roles, already expanded by whoever authenticated the user.
    pub roles: Vec<String>,
    /// When the user's ticket expires.
    pub expires_at: Option<SystemTime>,
}

impl User {
    /// A user without roles and without an end.
    pub fn new(id: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            roles: Vec::new(),
            expires_at: None,
        }
    }

    /// Whether the user holds `role`.
    pub fn has_role(&self, role: &str) -> bool {
        self.roles.iter().any(|held| held == role)
    }
}

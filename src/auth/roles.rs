//! Roles and what includes what.

/// Reads bots and backtests.
pub const VIEWER: &str = "viewer";
/// Commands bots and backtests.
pub const OPERATOR: &str = "operator";
/// Registers and reports as a trading worker.
pub const WORKER: &str = "worker";
/// Runs the fleet; includes everything.
pub const ADMIN: &str = "admin";

/// All roles, for those who may do everything.
pub fn all() -> Vec<String> {
    [VIEWER, OPERATOR, WORKER, ADMIN]
        .map(str::to_owned)
        .to_vec()
}

/// Adds the roles that the given ones include, so that later checks need no hierarchy.
///
/// `operator` includes `viewer`, `admin` includes everything, `worker` nothing.
pub fn expand(roles: impl IntoIterator<Item = String>) -> Vec<String> {
    let mut expanded = Vec::new();
    for role in roles {
        let included: &[&str] = match role.as_str() {
            ADMIN => &[VIEWER, OPERATOR, WORKER],
            OPERATOR => &[VIEWER],
            _ => &[],
        };
        expanded.extend(included.iter().map(|&role| role.to_owned()));
        expanded.push(role);
    }
    expanded.sort();
    expanded.dedup();
    expanded
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expanded(roles: &[&str]) -> Vec<String> {
        expand(roles.iter().map(|role| (*role).to_owned()))
    }

    #[test]
    fn operator_and_admin_include_what_they_should_and_worker_nothing() {
        assert_eq!(expanded(&["operator"]), ["operator", "viewer"]);
        assert_eq!(
            expanded(&["admin"]),
            ["admin", "operator", "viewer", "worker"]
        );
        assert_eq!(expanded(&["worker"]), ["worker"]);
        assert_eq!(expanded(&["viewer", "operator"]), ["operator", "viewer"]);
        assert!(expanded(&[]).is_empty());
    }

    #[test]
    fn an_unknown_role_gives_nothing_else() {
        assert_eq!(expanded(&["Admin", "root"]), ["Admin", "root"]);
    }
}

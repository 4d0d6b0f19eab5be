//! The operating system's limit on open files: every connection is one.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Files the process needs besides its connections: logs, Redis, providers, listeners.
pub(crate) const FILE_RESERVE: u64 = 128;

/// Raises the soft limit to the hard one, as .NET does, and says when even that is too low.
pub(super) fn raise_file_limit(max_connections: usize) {
    let limits = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limits.maximum,
        maximum: limits.maximum,
    };
    // A refusal changes nothing; the warning below then counts with the old limit.
    let current = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => limits.maximum,
        Err(_) => limits.current,
    };
    match current {
        Some(files) if files < max_connections as u64 + FILE_RESERVE => tracing::warn!(
            files,
            max_connections,
            "⚠️ The limit on open files is below Server:MaxConnections; raise it (ulimit -n) or \
             lower the setting"
        ),
        files => tracing::info!(files, max_connections, "Limit on open files"),
    }
}

//! The operating system's limit on open files: every connection is one.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Files the process needs besides its connections: logs, Redis, providers, listeners.
const FILE_RESERVE: u64 = 128;

/// Open files that so many connections need.
pub(crate) fn files_for(connections: usize) -> u64 {
    connections as u64 + FILE_RESERVE
}

/// Connections that so many open files are enough for.
pub(crate) fn connections_within(files: u64) -> usize {
    let connections = files.saturating_sub(FILE_RESERVE).max(1);
    usize::try_from(connections).unwrap_or(usize::MAX)
}

/// Raises the soft limit to the hard one, as .NET does, and says when even that is too low. What
/// comes back is how many connections may be accepted: one more would find no file, and its client
/// no answer.
pub(super) fn raise_file_limit(max_connections: usize) -> usize {
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
        Some(files) if files < files_for(max_connections) => {
            let connections = connections_within(files);
            tracing::warn!(
                files,
                max_connections,
                "⚠️ The limit on open files is below Server:MaxConnections: {connections} \
                 connections are accepted. Raise it (ulimit -n) or lower the setting"
            );
            connections
        }
        files => {
            tracing::info!(files, max_connections, "Limit on open files");
            max_connections
        }
    }
}

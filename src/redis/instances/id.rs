//! The name of one running process.

use std::{fmt, sync::Arc};

/// Unique for each start of a process: `<host>_<32 hexadecimal digits>`. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct InstanceId(Arc<str>);

impl InstanceId {
    /// A name nobody has yet.
    pub fn unique() -> Self {
        let system = rustix::system::uname();
        let host = system.nodename().to_string_lossy();
        Self::new(&format!("{host}_{}", uuid::Uuid::new_v4().simple()))
    }

    /// A name that came from elsewhere.
    pub fn new(name: &str) -> Self {
        Self(name.into())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for InstanceId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

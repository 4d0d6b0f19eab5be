//! The server under attack, with a bystander who must not notice.

use std::ops::{Deref, DerefMut};

use crate::support::server::Server;
use crate::support::watch::Watch;

pub struct Attacked {
    server: Server,
    watch: Watch,
    /// Resident bytes before the attack.
    before: u64,
}

impl Attacked {
    /// Starts a server with these options, and the bystander.
    pub fn with(variables: &[(&str, &str)]) -> Self {
        let server = Server::with(variables);
        let watch = Watch::start(server.address());
        let before = server.resident_bytes();
        Self {
            server,
            watch,
            before,
        }
    }

    /// What came so far was for warming up: memory counts from here.
    pub fn count_memory_from_here(&mut self) {
        self.before = self.server.resident_bytes();
    }

    /// It still runs and has not grown by more than so many bytes.
    pub fn assert_grew_less_than(&mut self, growth: u64) {
        self.server.assert_alive();
        let (before, after) = (self.before, self.server.resident_bytes());
        assert!(
            after < before + growth,
            "resident memory went from {before} to {after}"
        );
    }

    /// The attack is over: the server runs and the bystander was answered in time.
    pub fn assert_undisturbed(mut self) {
        self.server.assert_alive();
        self.watch.assert_undisturbed();
    }
}

impl Deref for Attacked {
    type Target = Server;

    fn deref(&self) -> &Server {
        &self.server
    }
}

impl DerefMut for Attacked {
    fn deref_mut(&mut self) -> &mut Server {
        &mut self.server
    }
}

//! The program: an allocator, a TLS provider, and the command line of the library.

use std::process::ExitCode;

use clap::Parser;
use managing_api::cli::Cli;

/// Gives memory back after many connections came and went, where glibc keeps it. Start with
/// `MIMALLOC_ALLOW_THP=0`: huge pages would count the untouched halves of small buffers.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // First, because two TLS users with different providers panic at their first connection.
    // It fails only if a provider was installed before, and then there is one.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Cli::parse().run()
}

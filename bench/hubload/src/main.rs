//! Load generator for SignalR hubs, and a bare server to compare with. Loopback only.

mod chat;
mod cli;
mod client;
mod commands;
mod fanout;
mod mp;
mod proto;
mod publish;
mod refserver;
mod runs;
mod stats;
mod template;
mod ws;

use clap::Parser;

use crate::{cli::Cli, runs::go};

extern "C" fn on_sigint(_: i32) {
    unsafe { libc::_exit(130) }
}

fn main() {
    unsafe {
        libc::signal(libc::SIGPIPE, libc::SIG_IGN);
        libc::signal(libc::SIGINT, on_sigint as *const () as libc::sighandler_t);
    }
    match go(Cli::parse()) {
        Ok(true) => {}
        Ok(false) => std::process::exit(3),
        Err(e) => {
            eprintln!("hubload: {e}");
            std::process::exit(1);
        }
    }
}

//! Listening, and one loop per thread.

use std::io;
use std::os::fd::RawFd;
use std::sync::{Arc, Mutex};

use super::{Inbox, Loop, RefCfg};
use crate::client::setsockopt;

pub fn run(cfg: RefCfg) -> ! {
    crate::stats::raise_nofile(1_000_000);
    let inboxes: Arc<Vec<Inbox>> = Arc::new(
        (0..cfg.threads)
            .map(|_| Inbox {
                q: Mutex::new(Vec::new()),
                efd: chk(
                    unsafe { libc::eventfd(0, libc::EFD_NONBLOCK | libc::EFD_CLOEXEC) },
                    "eventfd",
                ),
            })
            .collect(),
    );
    let fds: Vec<RawFd> = (0..cfg.threads).map(|_| listener(&cfg)).collect();
    eprintln!(
        "hubload refserver: listening on {}:{} pid {} threads {}",
        cfg.listen,
        cfg.port,
        std::process::id(),
        cfg.threads
    );
    let ts: Vec<_> = fds
        .into_iter()
        .enumerate()
        .map(|(me, lfd)| {
            let (cfg, inboxes) = (cfg.clone(), inboxes.clone());
            std::thread::spawn(move || Loop::new(cfg, me, inboxes, lfd).run())
        })
        .collect();
    for t in ts {
        let _ = t.join();
    }
    std::process::exit(1)
}

pub fn listener(cfg: &RefCfg) -> RawFd {
    unsafe {
        let fd = chk(
            libc::socket(
                libc::AF_INET,
                libc::SOCK_STREAM | libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC,
                0,
            ),
            "socket",
        );
        setsockopt(fd, libc::SOL_SOCKET, libc::SO_REUSEADDR, &1i32);
        if cfg.threads > 1 {
            setsockopt(fd, libc::SOL_SOCKET, libc::SO_REUSEPORT, &1i32);
        }
        setsockopt(fd, libc::IPPROTO_TCP, libc::TCP_NODELAY, &1i32); // inherited by accepted sockets
        if let Some(c) = &cfg.congestion {
            chk(
                if crate::client::set_congestion(fd, c) {
                    0
                } else {
                    -1
                },
                "congestion control",
            ); // inherited too
        }
        let mut a: libc::sockaddr_in = std::mem::zeroed();
        a.sin_family = libc::AF_INET as u16;
        a.sin_port = cfg.port.to_be();
        a.sin_addr.s_addr = u32::from(cfg.listen).to_be();
        chk(
            libc::bind(
                fd,
                (&a as *const libc::sockaddr_in).cast(),
                std::mem::size_of_val(&a) as u32,
            ),
            "bind",
        );
        chk(libc::listen(fd, 4096), "listen");
        fd
    }
}

pub fn chk(r: i32, what: &str) -> i32 {
    if r < 0 {
        eprintln!("hubload refserver: {what}: {}", io::Error::last_os_error());
        std::process::exit(1);
    }
    r
}

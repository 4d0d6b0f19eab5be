//! One socket: reads and writes with as few system calls as will do.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::io;
use std::os::fd::AsRawFd;
use std::os::fd::RawFd;
use std::rc::Rc;
use std::task::{Context, Poll};

use tokio::io::Interest;
use tokio::net::TcpStream;

use super::BUF;
use crate::ws;

pub struct Conn {
    pub(super) io: TcpStream,
    pub(super) fd: RawFd,
    pub(super) out: RefCell<Vec<u8>>,
    pub(super) flushing: Cell<bool>,
    pub dead: Cell<bool>,
}

impl Conn {
    pub(super) fn new(io: TcpStream) -> Conn {
        Conn {
            fd: io.as_raw_fd(),
            io,
            out: RefCell::new(Vec::new()),
            flushing: Cell::new(false),
            dead: Cell::new(false),
        }
    }

    /// Receives with one system call per readiness event: a read that did not fill the buffer
    /// clears the readiness (the socket is registered edge-triggered), so there is no second
    /// `recv` only to see EAGAIN.
    #[inline]
    pub(super) fn poll_recv(
        &self,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        loop {
            match self.io.poll_read_ready(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Err(e)) => return Poll::Ready(Err(e)),
                Poll::Ready(Ok(())) => {}
            }
            let mut got: Option<usize> = None;
            let r = self.io.try_io(Interest::READABLE, || {
                // the bare system call: libc's `recv` is a cancellation point, with its cost in a threaded program
                let n = unsafe {
                    libc::syscall(
                        libc::SYS_recvfrom,
                        self.fd,
                        buf.as_mut_ptr(),
                        buf.len(),
                        libc::MSG_DONTWAIT,
                        0usize,
                        0usize,
                    )
                };
                if n < 0 {
                    return Err(io::Error::last_os_error());
                }
                got = Some(n as usize);
                if n > 0 && (n as usize) < buf.len() {
                    return Err(io::ErrorKind::WouldBlock.into());
                }
                Ok(())
            });
            if let Some(n) = got {
                return Poll::Ready(Ok(n));
            }
            match r {
                Err(e)
                    if e.kind() == io::ErrorKind::WouldBlock
                        || e.kind() == io::ErrorKind::Interrupted =>
                {
                    continue;
                }
                Err(e) => return Poll::Ready(Err(e)),
                Ok(()) => continue,
            }
        }
    }

    /// Writes now what the socket takes and keeps the rest.
    pub fn send(&self, b: &[u8]) {
        let mut out = self.out.borrow_mut();
        if !out.is_empty() {
            out.extend_from_slice(b);
            return;
        }
        let n = unsafe {
            libc::send(
                self.fd,
                b.as_ptr().cast(),
                b.len(),
                libc::MSG_NOSIGNAL | libc::MSG_DONTWAIT,
            )
        };
        if n < 0 {
            match io::Error::last_os_error().kind() {
                io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted => out.extend_from_slice(b),
                _ => self.dead.set(true), // the pump will see the reason
            }
        } else if (n as usize) < b.len() {
            out.extend_from_slice(&b[n as usize..]);
        }
    }

    /// `send` for callers outside of the pump: a rest is flushed by a task of its own.
    pub fn send_outside(self: &Rc<Self>, b: &[u8]) {
        self.send(b);
        if !self.out.borrow().is_empty() && !self.flushing.replace(true) {
            let c = self.clone();
            tokio::task::spawn_local(async move {
                while !c.dead.get() && !c.try_flush() {
                    if c.io.writable().await.is_err() {
                        break;
                    }
                }
                c.flushing.set(false);
            });
        }
    }

    pub(super) fn try_flush(&self) -> bool {
        let mut out = self.out.borrow_mut();
        while !out.is_empty() {
            let r = self.io.try_io(Interest::WRITABLE, || {
                let n = unsafe {
                    libc::send(
                        self.fd,
                        out.as_ptr().cast(),
                        out.len(),
                        libc::MSG_NOSIGNAL | libc::MSG_DONTWAIT,
                    )
                };
                if n < 0 {
                    Err(io::Error::last_os_error())
                } else {
                    Ok(n as usize)
                }
            });
            match r {
                Ok(n) => drop(out.drain(..n)),
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => return false,
                Err(_) => {
                    self.dead.set(true);
                    out.clear();
                }
            }
        }
        true
    }

    #[inline]
    pub(super) fn poll_flush(&self, cx: &mut Context<'_>) {
        while !self.out.borrow().is_empty() {
            match self.io.poll_write_ready(cx) {
                Poll::Ready(Ok(())) => {
                    self.try_flush();
                }
                _ => return,
            }
        }
    }

    pub fn send_frame(&self, op: u8, payload: &[u8]) {
        let mut v = Vec::with_capacity(payload.len() + 14);
        ws::put_frame(&mut v, op, payload, ws::rand_mask());
        self.send(&v);
    }

    pub async fn write_all(&self, b: &[u8]) -> io::Result<()> {
        self.send(b);
        loop {
            if self.dead.get() {
                return Err(io::ErrorKind::BrokenPipe.into());
            }
            if self.try_flush() {
                return Ok(());
            }
            self.io.writable().await?;
        }
    }

    /// One read into `v`; 0 is the end.
    pub(super) async fn read_more(&self, v: &mut Vec<u8>) -> io::Result<usize> {
        poll_fn(|cx| {
            BUF.with(|b| {
                let buf = unsafe { &mut *b.get() };
                match self.poll_recv(cx, buf) {
                    Poll::Ready(Ok(n)) => {
                        v.extend_from_slice(&buf[..n]);
                        Poll::Ready(Ok(n))
                    }
                    Poll::Ready(Err(e)) => Poll::Ready(Err(e)),
                    Poll::Pending => Poll::Pending,
                }
            })
        })
        .await
    }

    /// Makes the kernel drop the connection with RST: no TIME_WAIT.
    pub fn abort_on_drop(&self) {
        let l = libc::linger {
            l_onoff: 1,
            l_linger: 0,
        };
        setsockopt(self.fd, libc::SOL_SOCKET, libc::SO_LINGER, &l);
    }

    pub fn shutdown_write(&self) {
        unsafe { libc::shutdown(self.fd, libc::SHUT_WR) };
    }

    pub fn into_std(self) -> io::Result<std::net::TcpStream> {
        self.io.into_std()
    }
}

pub fn setsockopt<T>(fd: RawFd, level: i32, name: i32, v: &T) -> bool {
    unsafe {
        libc::setsockopt(
            fd,
            level,
            name,
            (v as *const T).cast(),
            std::mem::size_of::<T>() as u32,
        ) == 0
    }
}

pub fn set_congestion(fd: RawFd, name: &str) -> bool {
    unsafe {
        libc::setsockopt(
            fd,
            libc::IPPROTO_TCP,
            libc::TCP_CONGESTION,
            name.as_ptr().cast(),
            name.len() as u32,
        ) == 0
    }
}

pub fn errname(e: &io::Error) -> String {
    match e.raw_os_error() {
        Some(libc::ECONNREFUSED) => "ECONNREFUSED".into(),
        Some(libc::ECONNRESET) => "ECONNRESET".into(),
        Some(libc::EPIPE) => "EPIPE".into(),
        Some(libc::EADDRNOTAVAIL) => "EADDRNOTAVAIL".into(),
        Some(libc::EMFILE) => "EMFILE".into(),
        Some(libc::ETIMEDOUT) => "ETIMEDOUT".into(),
        _ => e.to_string(),
    }
}

//! Reading and writing one socket.

use std::io;
use std::os::fd::RawFd;
use std::sync::Arc;

use super::{Loop, MAX_READS, Srv};

impl Loop {
    pub(super) fn close(&mut self, slot: u32) {
        let Some(c) = self.conns[slot as usize].take() else {
            return;
        };
        for g in &c.groups {
            let m = &mut self.groups[*g].members;
            if let Some(i) = m.iter().position(|x| x.1 == slot) {
                m.swap_remove(i);
            }
        }
        self.queued -= c.out.iter().map(|(b, o)| b.len() - o).sum::<usize>();
        unsafe { libc::close(c.fd) };
        self.freed.push(slot);
    }

    /// `short_ends`: a read that does not fill the buffer has emptied the socket.
    pub(super) fn read(&mut self, slot: u32, buf: &mut [u8], short_ends: bool) {
        let mut reads = 0;
        loop {
            if reads == MAX_READS {
                self.again.push(slot);
                return;
            }
            reads += 1;
            let Some(c) = self.conns[slot as usize].as_mut() else {
                return;
            };
            if c.paused {
                return;
            }
            let n =
                unsafe { libc::recv(c.fd, buf.as_mut_ptr().cast(), buf.len(), libc::MSG_DONTWAIT) };
            if n <= 0 {
                if n == 0 || io::Error::last_os_error().kind() != io::ErrorKind::WouldBlock {
                    self.close(slot);
                }
                return;
            }
            let n = n as usize;
            let ok = if c.upgraded {
                let mut wire = c.wire.take().unwrap();
                let r = wire.feed(&mut buf[..n], &mut Srv { l: self, slot });
                if let Some(c) = self.conns[slot as usize].as_mut() {
                    c.wire = Some(wire);
                }
                self.flush_batches();
                self.send_reply(slot);
                r.is_ok()
            } else {
                c.inbuf.extend_from_slice(&buf[..n]);
                self.http(slot)
            };
            if !ok {
                self.close(slot);
                return;
            }
            if short_ends && n < buf.len() {
                return;
            }
        }
    }

    /// Sends to one socket; what it does not take is queued (as a shared frame, made once).
    #[inline]
    pub(super) fn send(&mut self, fd: RawFd, slot: u32, b: &[u8], shared: &mut Option<Arc<[u8]>>) {
        let mut off = 0;
        if self.blocked[slot as usize] == 0 {
            let n = unsafe {
                libc::send(
                    fd,
                    b.as_ptr().cast(),
                    b.len(),
                    libc::MSG_NOSIGNAL | libc::MSG_DONTWAIT,
                )
            };
            if n == b.len() as isize {
                return;
            }
            if n >= 0 {
                off = n as usize;
            } else if io::Error::last_os_error().kind() != io::ErrorKind::WouldBlock {
                self.doomed.push(slot);
                return;
            }
        }
        let Some(c) = self.conns[slot as usize].as_mut() else {
            return;
        };
        let a = shared.get_or_insert_with(|| Arc::from(b)).clone();
        self.blocked[slot as usize] = 1;
        self.queued += a.len() - off;
        c.out.push_back((a, off));
    }

    pub(super) fn send_reply(&mut self, slot: u32) {
        if self.reply.is_empty() {
            return;
        }
        let r = std::mem::take(&mut self.reply);
        if let Some(fd) = self.conns[slot as usize].as_ref().map(|c| c.fd) {
            self.send(fd, slot, &r, &mut None);
        }
        self.reply = r;
        self.reply.clear();
    }

    pub(super) fn flush(&mut self, slot: u32) {
        let Some(c) = self.conns[slot as usize].as_mut() else {
            return;
        };
        while !c.out.is_empty() {
            let mut iov: [libc::iovec; 64] = unsafe { std::mem::zeroed() };
            let mut k = 0;
            let mut total = 0;
            for (b, o) in c.out.iter().take(64) {
                iov[k] = libc::iovec {
                    iov_base: b[*o..].as_ptr() as *mut _,
                    iov_len: b.len() - o,
                };
                total += b.len() - o;
                k += 1;
            }
            let n = unsafe { libc::writev(c.fd, iov.as_ptr(), k as i32) };
            if n < 0 {
                if io::Error::last_os_error().kind() != io::ErrorKind::WouldBlock {
                    self.doomed.push(slot);
                }
                return;
            }
            let mut n = n as usize;
            self.queued -= n;
            let short = n < total;
            while n > 0 {
                let (b, o) = c.out.front_mut().unwrap();
                let left = b.len() - *o;
                if n < left {
                    *o += n;
                    break;
                }
                n -= left;
                c.out.pop_front();
            }
            if short {
                return;
            }
        }
        self.blocked[slot as usize] = 0;
        if c.close_when_flushed {
            self.doomed.push(slot);
        } else if !c.streams.is_empty() {
            self.runnable.push_back(slot);
        }
    }
}

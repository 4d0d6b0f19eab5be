//! Publishing by HTTP requests.

use super::{Acks, Link, Sock};
use crate::client::{Url, http_response};
use crate::stats::now_ns;
use crate::template::{Template, Vars, put_dec};

pub struct HttpLink {
    pub(super) url: Url,
    pub(super) head: Vec<u8>,
    pub(super) body: Template,
    pub(super) tmp: Vec<u8>,
    pub(super) socks: Vec<(Sock, u64, Vec<u8>)>, // socket, time of the request under way (0: none), input
    pub(super) free: Vec<usize>,
    pub(super) acks: Acks,
}

impl Link for HttpLink {
    fn room(&self) -> bool {
        !self.free.is_empty()
    }
    fn push(&mut self, v: Vars) {
        let i = self.free.pop().expect("room");
        let (s, at, _) = &mut self.socks[i];
        self.tmp.clear();
        self.body.render(&mut self.tmp, &v);
        s.out.extend_from_slice(&self.head);
        put_dec(&mut s.out, self.tmp.len() as u64);
        s.out.extend_from_slice(b"\r\n\r\n");
        s.out.extend_from_slice(&self.tmp);
        *at = now_ns();
    }
    fn flush(&mut self) -> Result<(), String> {
        for (s, ..) in &mut self.socks {
            if s.pending() > 0 {
                s.flush()?;
            }
        }
        Ok(())
    }
    fn pollfds(&self, v: &mut Vec<libc::pollfd>) {
        v.extend(self.socks.iter().map(|s| s.0.pollfd()));
    }
    fn readable(&mut self, i: usize, buf: &mut [u8]) -> Result<(), String> {
        let (s, at, inp) = &mut self.socks[i];
        let reconnect = match s.recv(buf)? {
            None => return Ok(()),
            Some(0) => {
                if *at != 0 {
                    self.acks
                        .error("connection closed before the answer".into());
                    *at = 0;
                    self.free.push(i);
                }
                true
            }
            Some(n) => {
                inp.extend_from_slice(&buf[..n]);
                match http_response(inp)? {
                    None => return Ok(()),
                    Some(answer) => {
                        inp.drain(..answer.used);
                        if answer.status < 200 {
                            return Ok(()); // 100 Continue and the like
                        }
                        if *at != 0 {
                            self.acks.ack(*at);
                            *at = 0;
                            self.free.push(i);
                        }
                        if !(200..300).contains(&answer.status) {
                            self.acks.error(format!("http status {}", answer.status));
                        }
                        answer.close
                    }
                }
            }
        };
        if reconnect {
            self.socks[i] = (Sock::dial(self.url.addr)?, 0, Vec::new());
        }
        Ok(())
    }
    fn outstanding(&self) -> usize {
        self.socks.len() - self.free.len()
    }
    fn acks(&mut self) -> &mut Acks {
        &mut self.acks
    }
}

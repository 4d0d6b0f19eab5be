//! Groups, and sending to their members.

use std::sync::Arc;

use super::{Group, Loop};
use crate::ws;

impl Loop {
    pub(super) fn group(&mut self, name: &[u8]) -> usize {
        if let Some(g) = self.names.get(name) {
            return *g;
        }
        self.groups.push(Group::default());
        self.names.insert(name.to_vec(), self.groups.len() - 1);
        self.groups.len() - 1
    }

    pub(super) fn encode(&self, payload: &[u8], body: &mut Vec<u8>, frame: &mut Vec<u8>) {
        body.clear();
        body.extend_from_slice(b"{\"type\":1,\"target\":\"");
        body.extend_from_slice(self.cfg.deliver.as_bytes());
        body.extend_from_slice(b"\",\"arguments\":[");
        body.extend_from_slice(payload);
        body.extend_from_slice(b"]}\x1e");
        ws::put_frame(frame, ws::OP_TEXT, body, None);
    }

    pub(super) fn publish(&mut self, group: &[u8], payload: &[u8]) {
        let (mut frame, mut body) = (
            std::mem::take(&mut self.frame),
            std::mem::take(&mut self.body),
        );
        frame.clear();
        self.encode(payload, &mut body, &mut frame);
        if self.inboxes.len() > 1 {
            let (g, f): (Arc<[u8]>, Arc<[u8]>) = (Arc::from(group), Arc::from(&frame[..]));
            for (i, ib) in self.inboxes.iter().enumerate() {
                if i != self.me {
                    let mut q = ib.q.lock().unwrap();
                    q.push((g.clone(), f.clone()));
                    let wake = q.len() == 1;
                    drop(q);
                    if wake {
                        unsafe { libc::write(ib.efd, (&1u64 as *const u64).cast(), 8) };
                    }
                }
            }
        }
        let g = self.group(group);
        if self.cfg.batch {
            self.batch(g, &frame);
        } else if self.cfg.shared {
            self.fan_out(g, &frame);
        } else {
            // the contrast: the same work, but the frame is encoded again for each receiver
            let members = std::mem::take(&mut self.groups[g].members);
            for &(fd, slot) in &members {
                frame.clear();
                self.encode(payload, &mut body, &mut frame);
                self.send(fd, slot, &frame, &mut None);
            }
            self.groups[g].members = members;
        }
        self.frame = frame;
        self.body = body;
    }

    pub(super) fn batch(&mut self, g: usize, frame: &[u8]) {
        let b = &mut self.groups[g].batch;
        if b.is_empty() {
            self.dirty.push(g);
        }
        b.extend_from_slice(frame);
        if b.len() > 64 << 10 {
            self.flush_batches();
        }
    }

    pub(super) fn flush_batches(&mut self) {
        while let Some(g) = self.dirty.pop() {
            let b = std::mem::take(&mut self.groups[g].batch);
            self.fan_out(g, &b);
            self.groups[g].batch = b;
            self.groups[g].batch.clear();
        }
    }

    pub(super) fn fan_out(&mut self, g: usize, frame: &[u8]) {
        let members = std::mem::take(&mut self.groups[g].members);
        let mut shared = None;
        for &(fd, slot) in &members {
            self.send(fd, slot, frame, &mut shared);
        }
        self.groups[g].members = members;
    }
}

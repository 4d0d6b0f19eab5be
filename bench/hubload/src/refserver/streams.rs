//! Streams take turns with everything else.

use super::{Loop, completion};
use crate::ws;

impl Loop {
    pub(super) fn stream_some(&mut self, slot: u32) {
        if self.blocked[slot as usize] != 0 {
            return;
        }
        let Some(c) = self.conns[slot as usize].as_mut() else {
            return;
        };
        let mut streams = std::mem::take(&mut c.streams);
        let fd = c.fd;
        let mut out = std::mem::take(&mut self.frame);
        let mut body = std::mem::take(&mut self.body);
        out.clear();
        while out.len() < 32 << 10 && !streams.is_empty() {
            streams.retain_mut(|s| {
                body.clear();
                if s.next < s.n {
                    body.extend_from_slice(b"{\"type\":2,\"invocationId\":\"");
                    body.extend_from_slice(&s.id);
                    body.extend_from_slice(b"\",\"item\":");
                    crate::template::put_dec(&mut body, s.next);
                    body.extend_from_slice(b"}\x1e");
                    s.next += 1;
                    ws::put_frame(&mut out, ws::OP_TEXT, &body, None);
                    return true;
                }
                completion(&mut body, &s.id, None);
                ws::put_frame(&mut out, ws::OP_TEXT, &body, None);
                false
            });
        }
        let more = !streams.is_empty();
        c.streams = streams;
        self.send(fd, slot, &out, &mut None);
        self.frame = out;
        self.body = body;
        if more && self.blocked[slot as usize] == 0 {
            self.runnable.push_back(slot);
        }
    }
}

//! A message in the form of ASP.NET Core's Redis backplane.

use super::{Template, Vars};
use crate::mp;
use crate::ws::Proto;

/// What ASP.NET Core's StackExchangeRedis backplane publishes for an invocation:
/// [ excluded ids, { "json": bin, "messagepack": bin } ].
pub struct RedisPayload {
    pub(super) json: Template,
    pub(super) msgpack: Template,
    pub(super) excluded_nil: bool,
    pub(super) tmp: Vec<u8>,
}

impl RedisPayload {
    pub fn new(target: &str, args: &str, excluded_nil: bool) -> Result<Self, String> {
        Ok(RedisPayload {
            json: Template::message(Proto::Json, 1, false, target, args)?,
            msgpack: Template::message(Proto::Msgpack, 1, false, target, args)?,
            excluded_nil,
            tmp: Vec::new(),
        })
    }

    pub fn render(&mut self, out: &mut Vec<u8>, v: &Vars) {
        out.push(0x92);
        out.push(if self.excluded_nil { 0xc0 } else { 0x90 });
        out.push(0x82);
        for (name, t) in [("json", &self.json), ("messagepack", &self.msgpack)] {
            self.tmp.clear();
            t.render(&mut self.tmp, v);
            mp::put_str(out, name.as_bytes());
            mp::put_bin_header(out, self.tmp.len());
            out.extend_from_slice(&self.tmp);
        }
    }
}

//! Message templates. A template is compiled once; rendering one appends to a buffer and
//! allocates nothing. Placeholders: {{seq}}, {{ts}}, {{pad:N}}, {{i}}, {{i%M}}.

mod encode;
mod message;
mod part;
mod redis;
#[cfg(test)]
mod tests;
mod text;

pub use encode::{SENTINEL_SEQ, SENTINEL_TS, encode};
pub use part::{Part, Vars, filler, push_lit, put_dec, put_dec_fixed};
pub use redis::RedisPayload;
pub use text::Template;

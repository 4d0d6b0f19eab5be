//! The values the hub's methods take and give back, each in two spellings: one for JSON, one for
//! MessagePack.

mod bytes;
mod counts;
mod date;
mod double;
mod person;

pub use bytes::Binary;
pub use counts::Counts;
pub use date::Date;
pub use double::Double;
pub use person::Person;

#[cfg(test)]
mod testing {
    use managing_api::signalr::protocol::{Decode, Encode, Protocol, Raw};

    /// Reads a JSON text and writes it again.
    pub fn json<T: Decode + Encode>(text: &str) -> Option<String> {
        let value = T::decode(Raw::Json(text)).ok()?;
        let mut out = Vec::new();
        value.encode(Protocol::Json, &mut out).ok()?;
        String::from_utf8(out).ok()
    }

    /// Reads MessagePack and writes it again.
    pub fn message_pack<T: Decode + Encode>(bytes: &[u8]) -> Option<Vec<u8>> {
        let value = T::decode(Raw::MessagePack(bytes)).ok()?;
        let mut out = Vec::new();
        value.encode(Protocol::MessagePack, &mut out).ok()?;
        Some(out)
    }
}

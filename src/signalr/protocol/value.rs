//! Typed values: arguments, results and items as a hub author sees them.
//!
//! Any `serde` type will do. In JSON it is encoded by `serde_json`'s rules, in MessagePack by
//! those of `rmp-serde` with named struct members. A type that must look different in the two
//! can ask its (de)serializer `is_human_readable()`, which is true for JSON only.

use serde::{Serialize, de::DeserializeOwned};

use super::{
    Protocol,
    error::{DecodeError, EncodeError},
    json,
    message::Raw,
    messagepack,
    payload::RawPayload,
};

/// A value that can be sent.
pub trait Encode {
    /// Appends the value. On an error `out` may hold a part of it.
    fn encode(&self, protocol: Protocol, out: &mut Vec<u8>) -> Result<(), EncodeError>;
}

impl<T: Serialize> Encode for T {
    fn encode(&self, protocol: Protocol, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        match protocol {
            Protocol::Json => json::encode(self, out),
            Protocol::MessagePack => messagepack::encode(self, out),
        }
    }
}

/// A value that can be received.
pub trait Decode: Sized {
    /// Reads the value.
    fn decode(raw: Raw<'_>) -> Result<Self, DecodeError>;
}

impl<T: DeserializeOwned> Decode for T {
    fn decode(raw: Raw<'_>) -> Result<Self, DecodeError> {
        match raw {
            Raw::Json(text) => json::decode(text),
            Raw::MessagePack(bytes) => messagepack::decode(bytes),
        }
    }
}

/// The arguments of a call: a tuple of up to eight values, or a list of payloads.
pub trait EncodeArguments {
    /// Appends the arguments as one array. On an error `out` may hold a part of it.
    fn encode_array(&self, protocol: Protocol, out: &mut Vec<u8>) -> Result<(), EncodeError>;
}

/// Appends `values` as one array.
fn encode_all(
    values: &[&dyn Encode],
    protocol: Protocol,
    out: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    match protocol {
        Protocol::Json => {
            out.push(b'[');
            for (index, value) in values.iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                value.encode(protocol, out)?;
            }
            out.push(b']');
        }
        Protocol::MessagePack => {
            messagepack::writer::array(out, values.len());
            for value in values {
                value.encode(protocol, out)?;
            }
        }
    }
    Ok(())
}

macro_rules! encode_tuple {
    ($($name:ident)*) => {
        impl<$($name: Encode),*> EncodeArguments for ($($name,)*) {
            #[allow(non_snake_case)]
            fn encode_array(&self, protocol: Protocol, out: &mut Vec<u8>) -> Result<(), EncodeError> {
                let ($($name,)*) = self;
                encode_all(&[$($name),*], protocol, out)
            }
        }
    };
}

encode_tuple!();
encode_tuple!(A);
encode_tuple!(A B);
encode_tuple!(A B C);
encode_tuple!(A B C D);
encode_tuple!(A B C D E);
encode_tuple!(A B C D E F);
encode_tuple!(A B C D E F G);
encode_tuple!(A B C D E F G H);

impl EncodeArguments for [RawPayload] {
    fn encode_array(&self, protocol: Protocol, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        let values: Vec<&dyn Encode> = self.iter().map(|payload| payload as &dyn Encode).collect();
        encode_all(&values, protocol, out)
    }
}

impl EncodeArguments for Vec<RawPayload> {
    fn encode_array(&self, protocol: Protocol, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        self.as_slice().encode_array(protocol, out)
    }
}

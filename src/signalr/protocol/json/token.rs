//! Checks a JSON value against the type a member must have, on the way through `serde_json`.
//!
//! A visitor that `serde` drives can only fail with the deserializer's error. What the reference
//! would say about a wrong value is therefore put aside as the *fault* before failing, and
//! whoever started the deserializer picks it up there.

use std::{borrow::Cow, fmt};

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use crate::signalr::protocol::error::ProtocolError;

/// What a message is refused for, if not for being malformed JSON.
pub type Fault = Option<ProtocolError>;

/// Puts `error` aside and fails.
pub fn refuse<E: Error>(fault: &mut Fault, error: ProtocolError) -> E {
    *fault = Some(error);
    E::custom("refused")
}

/// What a value must be. Every kind of value is refused unless its method says otherwise.
pub trait Expect<'a>: Sized {
    /// What is made of the value.
    type Value;

    /// The error about a value of another type; `token` is the reference's name for what is there.
    fn unfit(&self, token: &'static str) -> ProtocolError;

    /// Takes a string.
    fn text(self, _: Cow<'a, str>) -> Result<Self::Value, ProtocolError> {
        Err(self.unfit("String"))
    }

    /// Takes a number; `None` if it is no whole number of 64 bits.
    fn number(self, _: Option<i64>) -> Result<Self::Value, ProtocolError> {
        Err(self.unfit("Number"))
    }

    /// Takes true or false.
    fn boolean(self, value: bool) -> Result<Self::Value, ProtocolError> {
        Err(self.unfit(if value { "True" } else { "False" }))
    }

    /// Takes null.
    fn null(self) -> Result<Self::Value, ProtocolError> {
        Err(self.unfit("Null"))
    }

    /// Takes an array.
    fn array<A: SeqAccess<'a>>(self, _: A, fault: &mut Fault) -> Result<Self::Value, A::Error> {
        Err(refuse(fault, self.unfit("StartArray")))
    }

    /// Takes an object.
    fn object<A: MapAccess<'a>>(self, _: A, fault: &mut Fault) -> Result<Self::Value, A::Error> {
        Err(refuse(fault, self.unfit("StartObject")))
    }
}

/// Reads one value as what `expect` says.
pub struct Reading<'f, X> {
    pub fault: &'f mut Fault,
    pub expect: X,
}

impl<X> Reading<'_, X> {
    fn judge<V, E: Error>(fault: &mut Fault, outcome: Result<V, ProtocolError>) -> Result<V, E> {
        outcome.map_err(|error| refuse(fault, error))
    }
}

impl<'a, X: Expect<'a>> DeserializeSeed<'a> for Reading<'_, X> {
    type Value = X::Value;

    fn deserialize<D: Deserializer<'a>>(self, deserializer: D) -> Result<X::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'a, X: Expect<'a>> Visitor<'a> for Reading<'_, X> {
    type Value = X::Value;

    fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str("another type of value")
    }

    fn visit_borrowed_str<E: Error>(self, text: &'a str) -> Result<X::Value, E> {
        Self::judge(self.fault, self.expect.text(Cow::Borrowed(text)))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<X::Value, E> {
        Self::judge(self.fault, self.expect.text(Cow::Owned(text.to_owned())))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<X::Value, E> {
        Self::judge(self.fault, self.expect.number(i64::try_from(number).ok()))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<X::Value, E> {
        Self::judge(self.fault, self.expect.number(Some(number)))
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<X::Value, E> {
        Self::judge(self.fault, self.expect.number(None))
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<X::Value, E> {
        Self::judge(self.fault, self.expect.boolean(value))
    }

    fn visit_unit<E: Error>(self) -> Result<X::Value, E> {
        Self::judge(self.fault, self.expect.null())
    }

    fn visit_seq<A: SeqAccess<'a>>(self, array: A) -> Result<X::Value, A::Error> {
        self.expect.array(array, self.fault)
    }

    fn visit_map<A: MapAccess<'a>>(self, object: A) -> Result<X::Value, A::Error> {
        self.expect.object(object, self.fault)
    }
}

/// The error about a member of the wrong type.
pub fn wrong_type(property: &'static str, expected: &'static str) -> ProtocolError {
    ProtocolError::WrongType { property, expected }
}

/// A member that must be a string.
pub struct Text(pub &'static str);

impl<'a> Expect<'a> for Text {
    type Value = Cow<'a, str>;

    fn unfit(&self, _: &'static str) -> ProtocolError {
        wrong_type(self.0, "String")
    }

    fn text(self, text: Cow<'a, str>) -> Result<Self::Value, ProtocolError> {
        Ok(text)
    }
}

/// A member that must be a whole number of 32 bits.
pub struct Int32(pub &'static str);

impl Expect<'_> for Int32 {
    type Value = i32;

    fn unfit(&self, _: &'static str) -> ProtocolError {
        wrong_type(self.0, "Number")
    }

    fn number(self, number: Option<i64>) -> Result<i32, ProtocolError> {
        number
            .and_then(|number| i32::try_from(number).ok())
            .ok_or(ProtocolError::NotAnInteger("Int32"))
    }
}

/// A member that must be a whole number of 64 bits.
pub struct Int64(pub &'static str);

impl Expect<'_> for Int64 {
    type Value = i64;

    fn unfit(&self, _: &'static str) -> ProtocolError {
        wrong_type(self.0, "Number")
    }

    fn number(self, number: Option<i64>) -> Result<i64, ProtocolError> {
        number.ok_or(ProtocolError::NotAnInteger("Int64"))
    }
}

/// A number that may be null, which then counts as missing.
pub struct OrNull<X>(pub X);

impl<'a, X: Expect<'a>> Expect<'a> for OrNull<X> {
    type Value = Option<X::Value>;

    fn unfit(&self, token: &'static str) -> ProtocolError {
        self.0.unfit(token)
    }

    fn number(self, number: Option<i64>) -> Result<Self::Value, ProtocolError> {
        self.0.number(number).map(Some)
    }

    fn null(self) -> Result<Self::Value, ProtocolError> {
        Ok(None)
    }
}

/// A member that must be true or false.
pub struct Boolean(pub &'static str);

impl Expect<'_> for Boolean {
    type Value = bool;

    fn unfit(&self, _: &'static str) -> ProtocolError {
        ProtocolError::NotABoolean(self.0)
    }

    fn boolean(self, value: bool) -> Result<bool, ProtocolError> {
        Ok(value)
    }
}

//! The members of a hub message, each checked against the type it must have.

use std::{borrow::Cow, fmt};

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use smallvec::SmallVec;

use super::token::{Boolean, Expect, Fault, Int32, Int64, OrNull, Reading, Text, wrong_type};
use crate::signalr::protocol::{error::ProtocolError, message::Raw};

/// Every member some type of message knows; the last of several of the same name wins.
#[derive(Default)]
pub struct Members<'a> {
    pub kind: Option<i32>,
    pub invocation_id: Option<Cow<'a, str>>,
    pub target: Option<Cow<'a, str>>,
    pub arguments: Option<SmallVec<[Raw<'a>; 4]>>,
    pub stream_ids: Vec<Cow<'a, str>>,
    pub item: Option<Raw<'a>>,
    pub result: Option<Raw<'a>>,
    pub error: Option<Cow<'a, str>>,
    pub allow_reconnect: bool,
    pub sequence_id: Option<i64>,
}

impl<'a> Members<'a> {
    fn take<A: MapAccess<'a>>(
        &mut self,
        name: Name,
        map: &mut A,
        fault: &mut Fault,
    ) -> Result<(), A::Error> {
        match name {
            Name::Type => {
                self.kind = Some(map.next_value_seed(Reading {
                    fault,
                    expect: Int32("type"),
                })?)
            }
            Name::InvocationId => self.invocation_id = Some(read_text(map, fault, "invocationId")?),
            Name::Target => self.target = Some(read_text(map, fault, "target")?),
            Name::Error => self.error = Some(read_text(map, fault, "error")?),
            Name::Arguments => {
                self.arguments = Some(map.next_value_seed(Reading {
                    fault,
                    expect: Arguments,
                })?)
            }
            Name::Item => self.item = Some(Raw::Json(map.next_value::<&RawValue>()?.get())),
            Name::Result => self.result = Some(Raw::Json(map.next_value::<&RawValue>()?.get())),
            Name::StreamIds => {
                self.stream_ids = map.next_value_seed(Reading {
                    fault,
                    expect: StreamIds,
                })?
            }
            Name::Headers => map.next_value_seed(Reading {
                fault,
                expect: Headers,
            })?,
            Name::AllowReconnect => {
                let expect = Boolean("allowReconnect");
                self.allow_reconnect = map.next_value_seed(Reading { fault, expect })?;
            }
            Name::SequenceId => {
                let expect = OrNull(Int64("sequenceId"));
                self.sequence_id = map.next_value_seed(Reading { fault, expect })?;
            }
            Name::Unknown => drop(map.next_value::<IgnoredAny>()?),
        }
        Ok(())
    }
}

/// Reads a member that must be a string.
pub fn read_text<'a, A: MapAccess<'a>>(
    map: &mut A,
    fault: &mut Fault,
    property: &'static str,
) -> Result<Cow<'a, str>, A::Error> {
    let expect = Text(property);
    map.next_value_seed(Reading { fault, expect })
}

/// Fills in the members of a message.
pub struct MembersVisitor<'v, 'a> {
    pub members: &'v mut Members<'a>,
    pub fault: &'v mut Fault,
}

impl<'a> Visitor<'a> for MembersVisitor<'_, 'a> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str("a hub message")
    }

    fn visit_map<A: MapAccess<'a>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(name) = map.next_key()? {
            self.members.take(name, &mut map, self.fault)?;
        }
        Ok(())
    }
}

enum Name {
    Type,
    InvocationId,
    Target,
    Arguments,
    StreamIds,
    Headers,
    Item,
    Result,
    Error,
    AllowReconnect,
    SequenceId,
    Unknown,
}

impl<'a> serde::Deserialize<'a> for Name {
    fn deserialize<D: Deserializer<'a>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_identifier(NameVisitor)
    }
}

struct NameVisitor;

impl Visitor<'_> for NameVisitor {
    type Value = Name;

    fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str("a member name")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Name, E> {
        Ok(match name {
            "type" => Name::Type,
            "invocationId" => Name::InvocationId,
            "target" => Name::Target,
            "arguments" => Name::Arguments,
            "streamIds" => Name::StreamIds,
            "headers" => Name::Headers,
            "item" => Name::Item,
            "result" => Name::Result,
            "error" => Name::Error,
            "allowReconnect" => Name::AllowReconnect,
            "sequenceId" => Name::SequenceId,
            _ => Name::Unknown,
        })
    }
}

/// `arguments`: an array whose elements stay text.
struct Arguments;

impl<'a> Expect<'a> for Arguments {
    type Value = SmallVec<[Raw<'a>; 4]>;

    fn unfit(&self, _: &'static str) -> ProtocolError {
        wrong_type("arguments", "Array")
    }

    fn array<A: SeqAccess<'a>>(self, mut array: A, _: &mut Fault) -> Result<Self::Value, A::Error> {
        let mut arguments = SmallVec::new();
        while let Some(argument) = array.next_element::<&RawValue>()? {
            arguments.push(Raw::Json(argument.get()));
        }
        Ok(arguments)
    }
}

/// `streamIds`: an array of strings.
struct StreamIds;

impl<'a> Expect<'a> for StreamIds {
    type Value = Vec<Cow<'a, str>>;

    fn unfit(&self, _: &'static str) -> ProtocolError {
        wrong_type("streamIds", "Array")
    }

    fn array<A: SeqAccess<'a>>(
        self,
        mut array: A,
        fault: &mut Fault,
    ) -> Result<Self::Value, A::Error> {
        let mut ids = Vec::new();
        while let Some(id) = array.next_element_seed(Reading {
            fault,
            expect: StreamId,
        })? {
            ids.push(id);
        }
        Ok(ids)
    }
}

struct StreamId;

impl<'a> Expect<'a> for StreamId {
    type Value = Cow<'a, str>;

    fn unfit(&self, token: &'static str) -> ProtocolError {
        ProtocolError::StreamIdNotAString(token)
    }

    fn text(self, text: Cow<'a, str>) -> Result<Self::Value, ProtocolError> {
        Ok(text)
    }

    fn null(self) -> Result<Self::Value, ProtocolError> {
        Err(ProtocolError::NullStreamId)
    }
}

/// `headers`: an object of strings. Nobody reads them, but they must be well-formed.
struct Headers;

impl<'a> Expect<'a> for Headers {
    type Value = ();

    fn unfit(&self, _: &'static str) -> ProtocolError {
        wrong_type("headers", "StartObject")
    }

    fn object<A: MapAccess<'a>>(self, mut headers: A, fault: &mut Fault) -> Result<(), A::Error> {
        while let Some(name) = headers.next_key_seed(HeaderName)? {
            let expect = HeaderValue(name);
            headers.next_value_seed(Reading { fault, expect })?;
        }
        Ok(())
    }
}

struct HeaderName;

impl<'a> DeserializeSeed<'a> for HeaderName {
    type Value = Cow<'a, str>;

    fn deserialize<D: Deserializer<'a>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        // A key is always a string, so this cannot find a fault.
        let fault = &mut None;
        deserializer.deserialize_str(Reading {
            fault,
            expect: Text("headers"),
        })
    }
}

struct HeaderValue<'a>(Cow<'a, str>);

impl<'a> Expect<'a> for HeaderValue<'a> {
    type Value = ();

    fn unfit(&self, _: &'static str) -> ProtocolError {
        ProtocolError::HeaderNotAString(self.0.clone().into_owned())
    }

    fn text(self, _: Cow<'a, str>) -> Result<(), ProtocolError> {
        Ok(())
    }
}

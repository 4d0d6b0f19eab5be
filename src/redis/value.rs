//! What Redis answers, without the differences between its protocol versions.

use bytes::Bytes;
use fred::types::Resp3Frame;

use super::RedisError;

/// An answer. Text is bytes; a map of RESP3 is the flat list that RESP2 makes of it.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Nil,
    Integer(i64),
    Double(f64),
    Bytes(Bytes),
    List(Vec<Value>),
}

impl Value {
    pub fn is_nil(&self) -> bool {
        matches!(self, Self::Nil)
    }

    /// A whole number, also one written as text.
    pub fn as_integer(&self) -> Option<i64> {
        match self {
            Self::Integer(number) => Some(*number),
            Self::Bytes(_) => self.as_text()?.parse().ok(),
            _ => None,
        }
    }

    pub fn as_bytes(&self) -> Option<&Bytes> {
        match self {
            Self::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }

    pub fn as_text(&self) -> Option<&str> {
        std::str::from_utf8(self.as_bytes()?).ok()
    }

    pub fn as_list(&self) -> Option<&[Value]> {
        match self {
            Self::List(items) => Some(items),
            _ => None,
        }
    }

    /// The items of a list; nil is the empty one.
    pub fn into_list(self) -> Result<Vec<Value>, RedisError> {
        match self {
            Self::List(items) => Ok(items),
            Self::Nil => Ok(Vec::new()),
            _ => Err(RedisError::Unexpected),
        }
    }

    pub(super) fn from_frame(frame: Resp3Frame) -> Result<Self, RedisError> {
        Ok(match frame {
            Resp3Frame::SimpleError { data, .. } => {
                return Err(RedisError::Refused(data.to_string()));
            }
            Resp3Frame::BlobError { data, .. } => {
                let text = String::from_utf8_lossy(&data).into_owned();
                return Err(RedisError::Refused(text));
            }
            Resp3Frame::Null => Self::Nil,
            Resp3Frame::Number { data, .. } => Self::Integer(data),
            Resp3Frame::Boolean { data, .. } => Self::Integer(i64::from(data)),
            Resp3Frame::Double { data, .. } => Self::Double(data),
            Resp3Frame::BlobString { data, .. }
            | Resp3Frame::SimpleString { data, .. }
            | Resp3Frame::BigNumber { data, .. }
            | Resp3Frame::VerbatimString { data, .. } => Self::Bytes(data),
            Resp3Frame::Array { data, .. } | Resp3Frame::Push { data, .. } => Self::list(data)?,
            Resp3Frame::Set { data, .. } => Self::list(data)?,
            Resp3Frame::Map { data, .. } => {
                Self::list(data.into_iter().flat_map(|(key, value)| [key, value]))?
            }
            _ => return Err(RedisError::Unexpected),
        })
    }

    fn list(frames: impl IntoIterator<Item = Resp3Frame>) -> Result<Self, RedisError> {
        let items: Result<Vec<Value>, RedisError> =
            frames.into_iter().map(Self::from_frame).collect();
        items.map(Self::List)
    }
}

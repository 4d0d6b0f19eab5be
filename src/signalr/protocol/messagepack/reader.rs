//! Walks MessagePack bytes without building values.
//!
//! Every method returns `None` if what it is asked for is not there; the caller knows what that
//! means for the message. Nothing is allocated on the word of a claimed length.

use std::borrow::Cow;

use rmp::Marker;

use super::MAXIMUM_DEPTH;

/// A position in MessagePack bytes.
#[derive(Clone)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

/// What comes next, its header already read.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Token<'a> {
    /// Nil.
    Nil,
    /// True or false.
    Boolean(bool),
    /// A non-negative integer of any width.
    Unsigned(u64),
    /// A negative integer (or a non-negative one in a signed format) of any width.
    Signed(i64),
    /// A 32-bit float.
    Float32(f32),
    /// A 64-bit float.
    Float64(f64),
    /// The bytes of a string, which need not be UTF-8.
    String(&'a [u8]),
    /// Bytes.
    Binary(&'a [u8]),
    /// An extension: its type and its bytes.
    Extension(i8, &'a [u8]),
    /// An array of that many values, which follow.
    Array(usize),
    /// A map of that many pairs, which follow.
    Map(usize),
}

impl<'a> Reader<'a> {
    /// Starts at the first byte.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// The first byte not yet read.
    pub fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    /// What has not been read yet.
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Whether everything has been read.
    pub fn is_at_end(&self) -> bool {
        self.rest.is_empty()
    }

    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(taken)
    }

    fn number<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.rest.split_first_chunk()?;
        self.rest = rest;
        Some(*taken)
    }

    fn length8(&mut self) -> Option<usize> {
        self.number().map(u8::from_be_bytes).map(usize::from)
    }

    fn length16(&mut self) -> Option<usize> {
        self.number().map(u16::from_be_bytes).map(usize::from)
    }

    fn length32(&mut self) -> Option<usize> {
        self.number()
            .map(u32::from_be_bytes)
            .and_then(|length| length.try_into().ok())
    }

    /// Reads a scalar, or the header of an array or map.
    pub fn token(&mut self) -> Option<Token<'a>> {
        let [marker] = self.number()?;
        Some(match Marker::from_u8(marker) {
            Marker::Null => Token::Nil,
            Marker::False => Token::Boolean(false),
            Marker::True => Token::Boolean(true),
            Marker::FixPos(value) => Token::Unsigned(value.into()),
            Marker::U8 => Token::Unsigned(self.number().map(u8::from_be_bytes)?.into()),
            Marker::U16 => Token::Unsigned(self.number().map(u16::from_be_bytes)?.into()),
            Marker::U32 => Token::Unsigned(self.number().map(u32::from_be_bytes)?.into()),
            Marker::U64 => Token::Unsigned(self.number().map(u64::from_be_bytes)?),
            Marker::FixNeg(value) => Token::Signed(value.into()),
            Marker::I8 => Token::Signed(self.number().map(i8::from_be_bytes)?.into()),
            Marker::I16 => Token::Signed(self.number().map(i16::from_be_bytes)?.into()),
            Marker::I32 => Token::Signed(self.number().map(i32::from_be_bytes)?.into()),
            Marker::I64 => Token::Signed(self.number().map(i64::from_be_bytes)?),
            Marker::F32 => Token::Float32(self.number().map(f32::from_be_bytes)?),
            Marker::F64 => Token::Float64(self.number().map(f64::from_be_bytes)?),
            Marker::FixStr(length) => Token::String(self.take(length.into())?),
            Marker::Str8 => self
                .length8()
                .and_then(|length| self.take(length))
                .map(Token::String)?,
            Marker::Str16 => self
                .length16()
                .and_then(|length| self.take(length))
                .map(Token::String)?,
            Marker::Str32 => self
                .length32()
                .and_then(|length| self.take(length))
                .map(Token::String)?,
            Marker::Bin8 => self
                .length8()
                .and_then(|length| self.take(length))
                .map(Token::Binary)?,
            Marker::Bin16 => self
                .length16()
                .and_then(|length| self.take(length))
                .map(Token::Binary)?,
            Marker::Bin32 => self
                .length32()
                .and_then(|length| self.take(length))
                .map(Token::Binary)?,
            Marker::FixArray(length) => self.array(length.into())?,
            Marker::Array16 => self.length16().and_then(|length| self.array(length))?,
            Marker::Array32 => self.length32().and_then(|length| self.array(length))?,
            Marker::FixMap(length) => self.map(length.into())?,
            Marker::Map16 => self.length16().and_then(|length| self.map(length))?,
            Marker::Map32 => self.length32().and_then(|length| self.map(length))?,
            Marker::FixExt1 => self.extension(1)?,
            Marker::FixExt2 => self.extension(2)?,
            Marker::FixExt4 => self.extension(4)?,
            Marker::FixExt8 => self.extension(8)?,
            Marker::FixExt16 => self.extension(16)?,
            Marker::Ext8 => self.length8().and_then(|length| self.extension(length))?,
            Marker::Ext16 => self.length16().and_then(|length| self.extension(length))?,
            Marker::Ext32 => self.length32().and_then(|length| self.extension(length))?,
            Marker::Reserved => return None,
        })
    }

    /// Every element takes at least a byte, so a longer array than bytes is a lie.
    fn array(&self, length: usize) -> Option<Token<'a>> {
        (length <= self.rest.len()).then_some(Token::Array(length))
    }

    fn map(&self, pairs: usize) -> Option<Token<'a>> {
        (pairs <= self.rest.len() / 2).then_some(Token::Map(pairs))
    }

    fn extension(&mut self, length: usize) -> Option<Token<'a>> {
        let [kind] = self.number()?;
        Some(Token::Extension(kind as i8, self.take(length)?))
    }

    /// The length of the array that comes next.
    pub fn array_length(&mut self) -> Option<usize> {
        match self.token()? {
            Token::Array(length) => Some(length),
            _ => None,
        }
    }

    /// The number of pairs of the map that comes next.
    pub fn map_length(&mut self) -> Option<usize> {
        match self.token()? {
            Token::Map(pairs) => Some(pairs),
            _ => None,
        }
    }

    /// An integer of any width.
    pub fn integer(&mut self) -> Option<i64> {
        match self.token()? {
            Token::Unsigned(value) => value.try_into().ok(),
            Token::Signed(value) => Some(value),
            _ => None,
        }
    }

    /// A boolean.
    pub fn boolean(&mut self) -> Option<bool> {
        match self.token()? {
            Token::Boolean(value) => Some(value),
            _ => None,
        }
    }

    /// A string or nil. Like the reference, bytes that are not UTF-8 become replacement characters.
    pub fn string(&mut self) -> Option<Option<Cow<'a, str>>> {
        match self.token()? {
            Token::String(bytes) => Some(Some(String::from_utf8_lossy(bytes))),
            Token::Nil => Some(None),
            _ => None,
        }
    }

    /// The bytes of one whole value. `None` if it is cut short or nested too deeply.
    pub fn value(&mut self) -> Option<&'a [u8]> {
        let start = self.rest;
        self.skip(MAXIMUM_DEPTH)?;
        Some(&start[..start.len() - self.rest.len()])
    }

    fn skip(&mut self, depth: usize) -> Option<()> {
        let values = match self.token()? {
            Token::Array(length) => length,
            Token::Map(pairs) => 2 * pairs,
            _ => return Some(()),
        };
        let depth = depth.checked_sub(1)?;
        for _ in 0..values {
            self.skip(depth)?;
        }
        Some(())
    }
}

/// The name of the format that a first byte announces, in the words of the reference's decoder.
pub fn format_name(code: u8) -> &'static str {
    match Marker::from_u8(code) {
        Marker::FixPos(_) => "positive fixint",
        Marker::FixNeg(_) => "negative fixint",
        Marker::Null => "nil",
        Marker::Reserved => "(never used)",
        Marker::False => "false",
        Marker::True => "true",
        Marker::Bin8 => "bin 8",
        Marker::Bin16 => "bin 16",
        Marker::Bin32 => "bin 32",
        Marker::Ext8 => "ext 8",
        Marker::Ext16 => "ext 16",
        Marker::Ext32 => "ext 32",
        Marker::F32 => "float 32",
        Marker::F64 => "float 64",
        Marker::U8 => "uint 8",
        Marker::U16 => "uint 16",
        Marker::U32 => "uint 32",
        Marker::U64 => "uint 64",
        Marker::I8 => "int 8",
        Marker::I16 => "int 16",
        Marker::I32 => "int 32",
        Marker::I64 => "int 64",
        Marker::FixExt1 => "fixext 1",
        Marker::FixExt2 => "fixext 2",
        Marker::FixExt4 => "fixext 4",
        Marker::FixExt8 => "fixext 8",
        Marker::FixExt16 => "fixext 16",
        Marker::FixStr(_) => "fixstr",
        Marker::Str8 => "str 8",
        Marker::Str16 => "str 16",
        Marker::Str32 => "str 32",
        Marker::FixArray(_) => "fixarray",
        Marker::Array16 => "array 16",
        Marker::Array32 => "array 32",
        Marker::FixMap(_) => "fixmap",
        Marker::Map16 => "map 16",
        Marker::Map32 => "map 32",
    }
}

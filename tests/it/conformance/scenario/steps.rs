//! One type for each step.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{Compare, Expect, MessageKind, Timing};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Open {
    #[serde(rename = "as")]
    pub name: String,
    #[serde(default)]
    pub transport: Transport,
    #[serde(default = "json")]
    pub protocol: String,
    #[serde(default = "one")]
    pub version: i64,
    #[serde(default)]
    pub query: String,
    #[serde(default)]
    pub stateful: bool,
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    #[serde(default = "conformance_hub")]
    pub hub: String,
}

fn json() -> String {
    "json".to_owned()
}

fn one() -> i64 {
    1
}

fn conformance_hub() -> String {
    "/conformance".to_owned()
}

#[derive(Deserialize, Default, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    #[default]
    Ws,
    Sse,
    Lp,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Http {
    pub method: String,
    pub path: String,
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    pub body: Option<String>,
    pub body_hex: Option<String>,
    pub times: Option<usize>,
    #[serde(default)]
    pub expect: Expect,
    /// Leave the request running under this name.
    pub start: Option<String>,
    pub timeout: Option<u64>,
    #[serde(flatten)]
    pub timing: Timing,
}

#[derive(Deserialize)]
pub struct Finish {
    pub of: String,
    #[serde(default)]
    pub expect: Expect,
    #[serde(flatten)]
    pub timing: Timing,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Of {
    pub of: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Ws {
    #[serde(rename = "as")]
    pub name: String,
    pub path: String,
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    #[serde(default)]
    pub deflate: bool,
    #[serde(default)]
    pub resume: bool,
    pub answer_close: Option<bool>,
    #[serde(default)]
    pub expect: Expect,
    pub timeout: Option<u64>,
    #[serde(flatten)]
    pub timing: Timing,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sse {
    #[serde(rename = "as")]
    pub name: String,
    pub path: String,
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    #[serde(default)]
    pub expect: Expect,
    pub timeout: Option<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lp {
    #[serde(rename = "as")]
    pub name: String,
    pub path: String,
    #[serde(default = "json")]
    pub protocol: String,
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    #[serde(default)]
    pub expect: Expect,
}

#[derive(Deserialize, Default, Clone)]
#[serde(untagged)]
pub enum OneOrMany {
    #[default]
    None,
    One(String),
    Many(Vec<String>),
}

impl OneOrMany {
    pub fn as_slice(&self) -> &[String] {
        match self {
            Self::None => &[],
            Self::One(text) => std::slice::from_ref(text),
            Self::Many(texts) => texts,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Send {
    pub to: String,
    #[serde(default)]
    pub text: OneOrMany,
    #[serde(default)]
    pub hex: OneOrMany,
    pub opcode: Option<Opcode>,
    #[serde(default)]
    pub fragments: Vec<String>,
    pub times: Option<usize>,
    #[serde(default)]
    pub join: bool,
}

#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Opcode {
    Text,
    Binary,
}

#[derive(Deserialize)]
pub struct Receive {
    pub from: String,
    #[serde(default)]
    pub text: OneOrMany,
    #[serde(default)]
    pub hex: OneOrMany,
    pub times: Option<usize>,
    pub order: Option<Order>,
    #[serde(default)]
    pub compare: Compare,
    pub ignore: Option<Vec<MessageKind>>,
    pub timeout: Option<u64>,
    #[serde(flatten)]
    pub timing: Timing,
}

#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Order {
    Any,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Raw {
    pub from: String,
    pub text: String,
    pub timeout: Option<u64>,
}

#[derive(Deserialize)]
pub struct Closed {
    pub from: String,
    pub code: Option<u16>,
    pub reason: Option<String>,
    pub ended: Option<bool>,
    pub status: Option<u16>,
    pub ignore: Option<Vec<MessageKind>>,
    pub timeout: Option<u64>,
    #[serde(flatten)]
    pub timing: Timing,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Nothing {
    pub from: String,
    pub ms: u64,
    pub ignore: Option<Vec<MessageKind>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Close {
    pub of: String,
    pub code: Option<u16>,
    #[serde(default)]
    pub reason: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Differ {
    pub names: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mark {
    pub name: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wait {
    pub ms: u64,
}

//! The scenario files as types. Unknown members are refused, so that no expectation is overlooked.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    pub topic: String,
    pub scenarios: Vec<Scenario>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    #[serde(skip)]
    pub topic: String,
    pub name: String,
    /// Rows of the list of conformance cases the behaviour was recorded for.
    #[serde(rename = "case")]
    _case: Vec<String>,
    pub profile: String,
    #[serde(default, rename = "about")]
    _about: Option<String>,
    /// Message kinds that are skipped while waiting, for all steps that do not say otherwise.
    #[serde(default)]
    pub ignore: Vec<MessageKind>,
    /// Why a server may differ here.
    pub optional: Option<String>,
    /// Kept as text to be shown when a step fails; `steps` parses them.
    #[serde(rename = "steps")]
    sources: Vec<Box<RawValue>>,
}

impl Scenario {
    pub fn steps(&self) -> Vec<(&str, Step)> {
        let parse = |source: &RawValue| {
            serde_json::from_str(source.get())
                .unwrap_or_else(|error| panic!("{}: {error} in {source}", self.full_name()))
        };
        self.sources
            .iter()
            .map(|source| (source.get(), parse(source)))
            .collect()
    }

    pub fn full_name(&self) -> String {
        format!("{}/{}/{}", self.profile, self.topic, self.name)
    }

    /// Sends to every connection of the hub, so that no other scenario may listen meanwhile.
    pub fn needs_the_hub_alone(&self) -> bool {
        const NAMES: [&str; 6] = [
            r#"\"ToAll\""#,
            r#"\"ToOthers\""#,
            r#"\"ToAllExcept\""#,
            "a5546f416c6c",
            "a8546f4f7468657273",
            "ab546f416c6c457863657074",
        ];
        let hits = |source: &RawValue| NAMES.iter().any(|name| source.get().contains(name));
        self.sources.iter().any(|source| hits(source))
    }
}

#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub enum MessageKind {
    Ping,
    Close,
    Ack,
    Sequence,
}

impl MessageKind {
    pub fn message_type(self) -> u64 {
        match self {
            Self::Ping => 6,
            Self::Close => 7,
            Self::Ack => 8,
            Self::Sequence => 9,
        }
    }
}

#[derive(Deserialize)]
#[serde(tag = "do", rename_all = "camelCase")]
pub enum Step {
    Open(Open),
    Http(Http),
    Finish(Finish),
    Abandon(Of),
    Ws(Ws),
    Sse(Sse),
    Lp(Lp),
    Send(Send),
    Receive(Receive),
    Raw(Raw),
    Closed(Closed),
    Nothing(Nothing),
    Close(Close),
    Drop(Of),
    Pause(Of),
    PingFrame(Of),
    Differ(Differ),
    Mark(Mark),
    Wait(Wait),
}

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

/// What an answer must look like; only what is listed is compared.
#[derive(Deserialize, Default, Clone)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Expect {
    pub status: Option<u16>,
    #[serde(default)]
    pub headers: BTreeMap<String, Value>,
    pub body: Option<String>,
    pub body_hex: Option<String>,
    #[serde(default)]
    pub compare: Compare,
    #[serde(default)]
    pub one_of: Vec<Expect>,
}

#[derive(Deserialize, Default, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Compare {
    #[default]
    Bytes,
    Json,
}

/// When the step must be satisfied, in milliseconds.
#[derive(Deserialize, Default)]
pub struct Timing {
    pub between: Option<[u64; 2]>,
    pub since: Option<String>,
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

//! The scenario files as types. Unknown members are refused, so that no expectation is overlooked.

mod expect;
mod steps;

use serde::Deserialize;
use serde_json::value::RawValue;

pub use expect::*;
pub use steps::*;

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

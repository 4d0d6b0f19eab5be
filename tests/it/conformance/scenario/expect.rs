//! What an answer must look like, and when it must come.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

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

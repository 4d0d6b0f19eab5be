//! The layers of settings laid over each other: files first, environment variables last.
//!
//! figment merges and remembers where each value came from. Its own providers do not fit .NET's
//! rules (keys in any case, lists merged by index, `12345` a password and not a number), so each
//! layer is turned into one shape first: lower-case keys, and lists as `{"0": …, "1": …}`.

use std::path::Path;

use figment::{
    Figment, Metadata, Profile, Provider,
    value::{Dict, Map, Value},
};

use super::{SettingsError, Sources, json};

/// Reads and merges all layers for an environment.
pub(super) fn merge(sources: &Sources, environment: &str) -> Result<Figment, SettingsError> {
    let mut layers = Figment::new();
    let names = [
        "appsettings.json".to_owned(),
        format!("appsettings.{environment}.json"),
    ];
    let in_folder = names.iter().filter_map(|name| sources.file_in_folder(name));
    for path in in_folder.chain(sources.file.clone()) {
        layers = layers.merge(Layer::from_file(&path)?);
    }
    for variable in sources.setting_variables() {
        let name = format!("environment variable {}", variable.name);
        let leaf = Value::from(variable.value);
        layers = layers.merge(Layer {
            name,
            values: nest(&variable.keys, leaf),
        });
    }
    Ok(layers)
}

/// One layer in the common shape.
struct Layer {
    /// What an error message says about where a value came from.
    name: String,
    values: Dict,
}

impl Layer {
    fn from_file(path: &Path) -> Result<Self, SettingsError> {
        let name = path.display().to_string();
        let fail = |problem: String| SettingsError::single(&name, &problem);
        let bytes = std::fs::read(path).map_err(|error| fail(error.to_string()))?;
        let text = String::from_utf8(bytes).map_err(|_| fail("is not UTF-8".to_owned()))?;
        let parsed = json::parse(&text).map_err(|error| fail(error.to_string()))?;
        let serde_json::Value::Object(members) = parsed else {
            return Err(fail("is not a JSON object".to_owned()));
        };
        let values = lower(members).map_err(fail)?;
        Ok(Self {
            name: format!("file {name}"),
            values,
        })
    }
}

impl Provider for Layer {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.name.clone())
    }

    fn data(&self) -> figment::Result<Map<Profile, Dict>> {
        Ok(Map::from([(Profile::Default, self.values.clone())]))
    }
}

/// Lower-cases the keys of an object. A key may itself have levels, as in .NET: `"A:B": 1`.
fn lower(members: serde_json::Map<String, serde_json::Value>) -> Result<Dict, String> {
    let mut values = Dict::new();
    for (key, member) in members {
        let keys: Vec<String> = key.split(':').map(str::to_lowercase).collect();
        let nested = nest(&keys, value(member)?);
        if keys.len() == 1 && values.contains_key(&keys[0]) {
            return Err(format!("has the key {key} twice"));
        }
        join(&mut values, nested);
    }
    Ok(values)
}

fn value(json: serde_json::Value) -> Result<Value, String> {
    Ok(match json {
        serde_json::Value::Null => Value::Empty(Default::default(), figment::value::Empty::None),
        serde_json::Value::Bool(flag) => Value::from(flag),
        // As text: a long number stays as it was written, and a password may be one.
        serde_json::Value::Number(number) => Value::from(number.to_string()),
        serde_json::Value::String(text) => Value::from(text),
        serde_json::Value::Array(items) => {
            let items = items.into_iter().enumerate();
            let indexed: Result<Dict, String> = items
                .map(|(index, item)| Ok((index.to_string(), value(item)?)))
                .collect();
            Value::from(indexed?)
        }
        serde_json::Value::Object(members) => Value::from(lower(members)?),
    })
}

/// `["a", "b"], v` is `{"a": {"b": v}}`.
fn nest(keys: &[String], leaf: Value) -> Dict {
    let Some((first, rest)) = keys.split_first() else {
        return Dict::new();
    };
    let inner = if rest.is_empty() {
        leaf
    } else {
        Value::from(nest(rest, leaf))
    };
    Dict::from([(first.clone(), inner)])
}

/// Joins two objects of one file, level by level.
fn join(into: &mut Dict, from: Dict) {
    for (key, value) in from {
        match (into.get_mut(&key), value) {
            (Some(Value::Dict(_, existing)), Value::Dict(_, more)) => join(existing, more),
            (_, value) => {
                into.insert(key, value);
            }
        }
    }
}

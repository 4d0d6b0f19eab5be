//! The files in `config`: they are valid, and the schema knows every key.

use std::collections::BTreeSet;

use serde_json::Value;

use super::*;

#[test]
fn the_shipped_files_are_valid_in_every_environment_and_have_no_unknown_key() {
    for environment in ["Development", "Sandbox", "Production", "Other"] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("config");
        let sources = Sources::new(folder, [("APP_ENVIRONMENT", environment)]);
        let settings = Settings::load(&sources).unwrap_or_else(|error| panic!("{error}"));
        assert!(settings.warnings.is_empty(), "{:?}", settings.warnings);
        let redis = match settings.redis {
            RedisSettings::Configured { options, .. } => options.to_string(),
            _ => String::new(),
        };
        let expected = match environment {
            "Sandbox" => "srv-captain--redis:6379,channelPrefix=sandbox:",
            "Production" => "srv-captain--redis:6379",
            _ => "",
        };
        assert_eq!(redis, expected, "{environment}");
        let size = settings.signalr.hub("llmhub").maximum_receive_message_size;
        assert_eq!(size, Some(Some(1 << 20)));
    }
}

#[test]
fn the_schema_describes_every_key_that_is_read_and_no_other() {
    let some_of_each = [
        ("SignalR__Hubs__llmhub__KeepAliveInterval", "1"),
        ("SignalR__Hubs__bothub__KeepAliveInterval", "1"),
        ("SignalR__Hubs__backtesthub__KeepAliveInterval", "1"),
        ("Llm__Providers__0__BaseUrl", "http://x"),
        ("Authentication__ApiKeys__0__Name", "x"),
    ];
    let sources = Sources::new("nowhere", some_of_each);
    let layers = Layers::new(layers::merge(&sources, "Production").expect("merges"));
    let environment = sources.environment().expect("is Production");
    Settings::read(&layers.root(), &sources, environment);
    let schema: Value =
        serde_json::from_str(include_str!("../../../config/appsettings.schema.json"))
            .expect("is JSON");
    let mut described = BTreeSet::new();
    describe(&schema, &schema, "", &mut described);
    assert_eq!(layers.asked_keys(), described);
}

/// The paths of all values a schema describes; the first item stands for a list of sections.
fn describe(whole: &Value, part: &Value, path: &str, paths: &mut BTreeSet<String>) {
    let part = match part["$ref"].as_str() {
        Some(reference) => whole
            .pointer(&reference[1..])
            .expect("the reference leads somewhere"),
        None => part,
    };
    let join = |name: &str| format!("{path}:{}", name.to_lowercase());
    if let Some(properties) = part["properties"].as_object() {
        for (name, property) in properties.iter().filter(|(name, _)| !name.starts_with('$')) {
            describe(whole, property, &join(name), paths);
        }
    } else if part["items"]["properties"].is_object() {
        describe(whole, &part["items"], &join("0"), paths);
    } else {
        paths.insert(path[1..].to_owned());
    }
}

use std::path::Path;

use super::*;

/// A folder with the given files, gone with the value.
struct Folder(PathBuf);

impl Folder {
    fn new(files: &[(&str, &str)]) -> Self {
        let path = std::env::temp_dir().join(format!("settings-{}", uuid::Uuid::new_v4()));
        std::fs::create_dir(&path).expect("a temporary folder can be made");
        for (name, text) in files {
            std::fs::write(path.join(name), text).expect("a file can be written");
        }
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn load(files: &[(&str, &str)], variables: &[(&str, &str)]) -> Result<Settings, SettingsError> {
    let folder = Folder::new(files);
    Settings::load(&Sources::new(&folder.0, variables.iter().copied()))
}

fn settings(files: &[(&str, &str)], variables: &[(&str, &str)]) -> Settings {
    load(files, variables).unwrap_or_else(|error| panic!("{error}"))
}

const BASE: &str = "appsettings.json";

#[test]
fn without_files_and_variables_the_defaults_hold() {
    let settings = settings(&[], &[]);
    assert_eq!(settings.environment.as_str(), "Production");
    assert_eq!(settings.server.port, 8080);
    assert_eq!(settings.server.shutdown_grace, Duration::from_secs(10));
    assert_eq!(
        settings.storage_path.as_deref(),
        Some(Path::new("data/managing-api.db"))
    );
    assert_eq!(settings.fleet_name, "Production");
    assert_eq!(settings.authentication.mode, AuthenticationMode::Jwt);
    assert_eq!(settings.cors_origins, Origins::Listed(vec![]));
    assert_eq!(settings.signalr.hub("llmhub"), HubSettings::default());
    assert!(matches!(settings.redis, RedisSettings::Off { .. }));
    assert!(settings.warnings.is_empty(), "{:?}", settings.warnings);
}

#[test]
fn the_environments_file_lies_over_the_base_and_variables_over_both() {
    let files = [
        (
            BASE,
            r#"{"Fleet": {"Name": "base"}, "Storage": {"Path": "base.db"}, "Metrics": {"RequireRole": "admin"}}"#,
        ),
        (
            "appsettings.Sandbox.json",
            r#"{"fleet": {"name": "sandbox"}, "Storage": {"Path": "sandbox.db"}}"#,
        ),
    ];
    let settings = settings(
        &files,
        &[("APP_ENVIRONMENT", "sandbox"), ("STORAGE__PATH", "mine.db")],
    );
    assert_eq!(settings.metrics_role.as_deref(), Some("admin"));
    assert_eq!(settings.fleet_name, "sandbox");
    assert_eq!(settings.storage_path.as_deref(), Some(Path::new("mine.db")));
}

// One test for each trap of mixing figment with .NET's configuration.

#[test]
fn a_key_in_the_file_and_in_the_environment_is_one_key_in_any_case() {
    let file = [(BASE, r#"{"ConnectionStrings": {"Redis": "file:1"}}"#)];
    for name in [
        "ConnectionStrings__Redis",
        "CONNECTIONSTRINGS__REDIS",
        "connectionstrings:redis",
    ] {
        let settings = settings(&file, &[(name, "variable:2")]);
        let RedisSettings::Configured { options, source } = settings.redis else {
            panic!("{name}: Redis is configured");
        };
        assert_eq!(options.to_string(), "variable:2");
        assert_eq!(source, format!("environment variable {name}"));
    }
}

#[test]
fn a_text_that_looks_like_a_number_or_a_flag_stays_a_text() {
    for secret in ["12345", "true", "0123", "1e5", "null", "[1]"] {
        let settings = settings(&[], &[("Authentication__Jwt__Secret", secret)]);
        let read = settings.authentication.jwt.secret.expect("is set");
        assert_eq!(read.expose(), secret);
    }
    let file = [(
        BASE,
        r#"{"Authentication": {"Jwt": {"Secret": 12345, "Issuer": true}}}"#,
    )];
    let jwt = settings(&file, &[]).authentication.jwt;
    assert_eq!(jwt.secret.expect("is set").expose(), "12345");
    assert_eq!(jwt.issuer.as_deref(), Some("true"));
}

#[test]
fn quotes_and_spaces_in_a_variable_are_kept() {
    let secret = " \"quoted\" ";
    let settings = settings(&[], &[("Authentication__Jwt__Secret", secret)]);
    assert_eq!(
        settings.authentication.jwt.secret.expect("is set").expose(),
        secret
    );
}

#[test]
fn flags_may_be_written_as_true_or_1() {
    for (text, expected) in [("True", true), ("1", true), ("FALSE", false), ("0", false)] {
        let settings = settings(&[], &[("SignalR__EnableDetailedErrors", text)]);
        assert_eq!(
            settings.signalr.hub("llmhub").enable_detailed_errors,
            Some(expected)
        );
    }
}

#[test]
fn a_list_may_come_from_indexed_variables() {
    let origins = [
        ("Cors__Origins__1", "https://b"),
        ("Cors__Origins__0", "https://a/"),
    ];
    let listed = |items: &[&str]| Origins::Listed(items.iter().map(|s| s.to_string()).collect());
    assert_eq!(
        settings(&[], &origins).cors_origins,
        listed(&["https://a", "https://b"])
    );
    let one = [("Cors__Origins", "https://a,https://b")];
    assert_eq!(
        settings(&[], &one).cors_origins,
        listed(&["https://a", "https://b"])
    );
    // As in .NET, an index replaces that item of the file's list.
    let file = [(BASE, r#"{"Cors": {"Origins": ["https://x", "https://y"]}}"#)];
    let first = [("Cors__Origins__0", "https://a")];
    assert_eq!(
        settings(&file, &first).cors_origins,
        listed(&["https://a", "https://y"])
    );
    assert_eq!(
        settings(&file, &[("Cors__Origins", "*")]).cors_origins,
        Origins::Any
    );
}

#[test]
fn a_list_of_sections_may_come_from_variables_in_numeric_order() {
    let variables: Vec<(String, String)> = (0..12)
        .flat_map(|i| {
            let key = |name: &str| format!("Llm__Providers__{i}__{name}");
            [
                (key("Name"), format!("p{i}")),
                (key("BaseUrl"), "https://api.example/v1/".to_owned()),
                (key("Models"), "small".to_owned()),
            ]
        })
        .collect();
    let settings = Settings::load(&Sources::new("nowhere", variables)).expect("is valid");
    let names: Vec<_> = settings
        .llm
        .providers
        .iter()
        .map(|p| p.name.clone())
        .collect();
    assert_eq!(names, (0..12).map(|i| format!("p{i}")).collect::<Vec<_>>());
    assert_eq!(settings.llm.providers[0].base_url, "https://api.example/v1");
}

#[test]
fn files_may_have_comments_trailing_commas_and_a_byte_order_mark() {
    let text = "\u{feff}{ // the fleet\n \"Fleet\": { \"Name\": \"commented\", }, /* end */ }";
    assert_eq!(settings(&[(BASE, text)], &[]).fleet_name, "commented");
}

#[test]
fn a_missing_file_is_an_error_only_if_it_was_named() {
    let sources = Sources::new("nowhere", [("A__B", "")]);
    assert!(Settings::load(&sources).is_ok());
    let named = sources.with_file(Some("nowhere/mine.json".into()));
    let error = Settings::load(&named).expect_err("the file is missing");
    assert!(error.to_string().contains("nowhere/mine.json"), "{error}");
}

// What is wrong is said with its place.

#[test]
fn every_fault_names_the_key_and_where_the_value_came_from() {
    let file = [(BASE, r#"{"SignalR": {"KeepAliveInterval": "soon"}}"#)];
    let error = load(
        &file,
        &[
            ("SIGNALR__HUBS__LLMHUB__STREAMBUFFERCAPACITY", "0"),
            ("PORT", "x"),
        ],
    )
    .expect_err("three values are wrong")
    .to_string();
    for expected in [
        "SignalR:KeepAliveInterval: expected a duration",
        "appsettings.json)",
        "SignalR:Hubs:llmhub:StreamBufferCapacity: expected a whole number from 1",
        "environment variable SIGNALR__HUBS__LLMHUB__STREAMBUFFERCAPACITY",
        "PORT: expected a port number",
    ] {
        assert!(error.contains(expected), "{expected:?} in\n{error}");
    }
}

#[test]
fn broken_files_are_named_with_the_line() {
    let error = load(&[(BASE, "{\n\"A\": }")], &[])
        .expect_err("is no JSON")
        .to_string();
    assert!(
        error.contains("appsettings.json") && error.contains("line 2"),
        "{error}"
    );
    assert!(load(&[(BASE, "[]")], &[]).is_err());
    assert!(load(&[(BASE, r#"{"A": 1, "a": 2}"#)], &[]).is_err());
}

#[test]
fn a_fault_does_not_repeat_the_value() {
    let error = load(&[], &[("Authentication__ApiKeys__0__Hash", "s3cret")]).expect_err("is bad");
    assert!(!error.to_string().contains("s3cret"), "{error}");
}

#[test]
fn a_misspelt_key_of_ours_is_a_warning_and_a_strangers_variable_is_not() {
    let variables = [("SignalR__KeepAliveIntervall", "1"), ("NPM__TOKEN", "x")];
    let settings = settings(&[(BASE, r#"{"SignalRR": {"A": 1}}"#)], &variables);
    assert_eq!(settings.warnings.len(), 2, "{:?}", settings.warnings);
    assert!(settings.warnings[0].contains("signalr:keepaliveintervall"));
    assert!(settings.warnings[1].contains("signalrr:a"));
}

// Rules of single settings.

#[test]
fn a_hubs_own_value_replaces_the_global_one() {
    let file = r#"{"SignalR": {
        "KeepAliveInterval": "00:00:05", "MaximumReceiveMessageSize": 1000,
        "LongPolling": {"PollTimeout": 30}, "TransportSendTimeout": "-00:00:00.001",
        "Hubs": {"LlmHub": {
            "KeepAliveInterval": 7, "MaximumReceiveMessageSize": null,
            "Transports": ["WebSockets", "longpolling"], "SupportedProtocols": "JSON"}}}}"#;
    let signalr = settings(&[(BASE, file)], &[]).signalr;
    let (llm, bot) = (signalr.hub("llmhub"), signalr.hub("bothub"));
    assert_eq!(llm.keep_alive_interval, Some(Duration::from_secs(7)));
    assert_eq!(bot.keep_alive_interval, Some(Duration::from_secs(5)));
    assert_eq!(llm.maximum_receive_message_size, Some(None));
    assert_eq!(bot.maximum_receive_message_size, Some(Some(1000)));
    assert_eq!(llm.poll_timeout, Some(Duration::from_secs(30)));
    assert_eq!(llm.transport_send_timeout, Some(None));
    assert_eq!(
        llm.transports,
        Some(vec![TransportName::WebSockets, TransportName::LongPolling])
    );
    assert_eq!(llm.supported_protocols, Some(vec!["json".to_owned()]));
    assert_eq!(bot.transports, None);
}

#[test]
fn redis_is_chosen_in_the_promised_order() {
    let file = [(BASE, r#"{"ConnectionStrings": {"Redis": "file:1"}}"#)];
    let none: [(&str, &str); 0] = [];
    let cs = |value| ("ConnectionStrings__Redis", value);
    let url = |value| ("REDIS_URL", value);
    let chosen =
        |files: &[(&str, &str)], variables: &[(&str, &str)]| match settings(files, variables).redis
        {
            RedisSettings::Off { .. } => "off".to_owned(),
            RedisSettings::Configured { options, .. } => options.to_string(),
            RedisSettings::Unusable { problem, .. } => problem,
        };
    assert_eq!(chosen(&none, &[]), "off");
    assert_eq!(chosen(&file, &[]), "file:1");
    assert_eq!(chosen(&file, &[url("redis://url:2")]), "file:1");
    assert_eq!(chosen(&none, &[url("redis://url:2")]), "url:2");
    assert_eq!(
        chosen(&file, &[cs("variable:3"), url("redis://url:2")]),
        "variable:3"
    );
    assert_eq!(chosen(&file, &[cs("")]), "off");
    assert_eq!(chosen(&file, &[url("")]), "off");
    assert_eq!(chosen(&file, &[cs("variable:3"), url("")]), "variable:3");
    assert_eq!(chosen(&file, &[cs(""), url("redis://url:2")]), "off");
    let empty = [(BASE, r#"{"ConnectionStrings": {"Redis": ""}}"#)];
    assert_eq!(chosen(&empty, &[url("redis://url:2")]), "url:2");
}

#[test]
fn an_empty_storage_path_means_memory_only() {
    assert_eq!(settings(&[], &[("Storage__Path", "")]).storage_path, None);
}

#[test]
fn development_is_open_and_other_environments_warn_when_they_are() {
    let development = settings(&[], &[("ASPNETCORE_ENVIRONMENT", "Development")]);
    assert_eq!(development.authentication.mode, AuthenticationMode::None);
    assert_eq!(development.cors_origins, Origins::Any);
    assert_eq!(development.logging.format, LogFormat::Text);
    let open = settings(&[], &[("Authentication__Mode", "none")]);
    assert!(
        open.warnings[0].contains("everyone has all roles"),
        "{:?}",
        open.warnings
    );
}

#[test]
fn log_levels_have_dotnets_names() {
    let file = r#"{"Logging": {"LogLevel": {"Default": "Warning", "SignalR": "Debug", "actix_web": "None"}}}"#;
    let logging = settings(&[(BASE, file)], &[]).logging;
    assert_eq!(
        logging.filter,
        "warn,actix_server=warn,fred=error,actix_web=off,managing_api::signalr=debug"
    );
}

#[test]
fn printed_settings_show_no_secret() {
    let variables = [
        ("Authentication__Jwt__Secret", "s3cret"),
        ("ConnectionStrings__Redis", "h,password=s3cret"),
        (
            "Azure__SignalR__ConnectionString",
            "Endpoint=x;AccessKey=s3cret",
        ),
        ("Llm__Providers__0__BaseUrl", "http://x"),
        ("Llm__Providers__0__Models", "m"),
        ("Llm__Providers__0__ApiKey", "s3cret"),
        ("Llm__Providers__0__Headers__X-Key", "s3cret"),
        ("Llm__Providers__0__Proxy", "http://u:s3cret@proxy"),
        ("SignalR__TokenKey", "s3cret"),
    ];
    let shown = format!("{:?}", settings(&[], &variables));
    assert!(!shown.contains("s3cret"), "{shown}");
}

// The files we ship.

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
    let schema: serde_json::Value =
        serde_json::from_str(include_str!("../../config/appsettings.schema.json"))
            .expect("is JSON");
    let mut described = std::collections::BTreeSet::new();
    describe(&schema, &schema, "", &mut described);
    assert_eq!(layers.asked_keys(), described);
}

/// The paths of all values a schema describes; the first item stands for a list of sections.
fn describe(
    whole: &serde_json::Value,
    part: &serde_json::Value,
    path: &str,
    paths: &mut std::collections::BTreeSet<String>,
) {
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

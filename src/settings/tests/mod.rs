//! Settings from files and variables, as the program loads them. One file for each kind of question.

mod faults;
mod shipped;
mod values;

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

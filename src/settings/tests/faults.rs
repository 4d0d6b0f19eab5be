//! What is wrong is said with its place, and without the value.

use super::*;

#[test]
fn a_missing_file_is_an_error_only_if_it_was_named() {
    let sources = Sources::new("nowhere", [("A__B", "")]);
    assert!(Settings::load(&sources).is_ok());
    let named = sources.with_file(Some("nowhere/mine.json".into()));
    let error = Settings::load(&named).expect_err("the file is missing");
    assert!(error.to_string().contains("nowhere/mine.json"), "{error}");
}

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

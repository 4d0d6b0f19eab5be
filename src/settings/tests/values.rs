//! One test for each trap of mixing figment with .NET's configuration.

use super::*;

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

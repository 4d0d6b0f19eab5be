//! `check-config`: what the settings come to, without starting anything.

use super::Outcome;
use crate::{
    auth::Authentication,
    settings::{AuthenticationMode, Origins, RedisSettings, Settings, Sources},
};

pub(super) fn run(sources: &Sources) -> Outcome {
    let settings = Settings::load(sources).map_err(|error| format!("❌ Bad settings:\n{error}"))?;
    for line in summary(&settings) {
        println!("{line}");
    }
    for warning in &settings.warnings {
        println!("⚠️ {warning}");
    }
    if let RedisSettings::Unusable { problem, source } = &settings.redis {
        return Err(format!("❌ Redis cannot be used: {problem} ({source})"));
    }
    Authentication::new(&settings.authentication).map_err(|problem| format!("❌ {problem}"))?;
    println!("✅ The settings are valid");
    Ok(())
}

/// One line for each thing an operator asks about. Secrets are masked or not there at all.
fn summary(settings: &Settings) -> Vec<String> {
    let line = |name: &str, value: &str| format!("{name:<16}{value}");
    let redis = match &settings.redis {
        RedisSettings::Off { reason } => format!("off: {reason}"),
        RedisSettings::Configured { options, source } => format!("{options} ({source})"),
        RedisSettings::Unusable { source, .. } => format!("not usable ({source})"),
    };
    let origins = match &settings.cors_origins {
        Origins::Any => "any".to_owned(),
        Origins::Listed(origins) if origins.is_empty() => "none".to_owned(),
        Origins::Listed(origins) => origins.join(", "),
    };
    let providers: Vec<String> = settings
        .llm
        .providers
        .iter()
        .map(|provider| format!("{} [{}]", provider.name, provider.models.join(", ")))
        .collect();
    let storage = match &settings.storage_path {
        Some(path) => path.display().to_string(),
        None => "memory only".to_owned(),
    };
    vec![
        line("Environment", settings.environment.as_str()),
        line("Port", &settings.server.port.to_string()),
        line("Workers", &settings.server.workers.to_string()),
        line(
            "Connections",
            &format!("at most {}", settings.server.max_connections),
        ),
        line("Fleet", &settings.fleet_name),
        line("Redis", &redis),
        line("Storage", &storage),
        line("Authentication", &authentication(settings)),
        line("CORS origins", &origins),
        line(
            "Chat models",
            &if providers.is_empty() {
                "builtin".into()
            } else {
                providers.join(", ")
            },
        ),
        line("Log filter", &settings.logging.filter),
        line("Metrics", metrics(settings)),
        line(
            "Grace period",
            &format!("{:?}", settings.server.shutdown_grace),
        ),
    ]
}

fn metrics(settings: &Settings) -> &'static str {
    match settings.otlp {
        Ok(Some(_)) => "at /metrics, and sent by OTLP",
        _ => "at /metrics",
    }
}

fn authentication(settings: &Settings) -> String {
    let authentication = &settings.authentication;
    if authentication.mode == AuthenticationMode::None {
        return "None: everyone has all roles".to_owned();
    }
    let jwt = &authentication.jwt;
    let keys: Vec<&str> = [
        jwt.secret.is_some().then_some("Secret"),
        jwt.public_key_pem.is_some().then_some("PublicKeyPem"),
        jwt.jwks_url.is_some().then_some("JwksUrl"),
    ]
    .into_iter()
    .flatten()
    .collect();
    if keys.is_empty() {
        return "Jwt without a key: hubs and API answer 401".to_owned();
    }
    format!("Jwt by {}", keys.join(" and "))
}

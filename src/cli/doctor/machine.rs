//! What this machine and the settings say by themselves.

use super::finding::Finding;
use crate::{
    app::FILE_RESERVE,
    auth::Authentication,
    settings::{AuthenticationMode, Settings},
};

pub(super) fn examine(settings: &Settings) -> Vec<Finding> {
    let mut findings = vec![Finding::good(
        "settings",
        format!("read for the environment {}", settings.environment.as_str()),
    )];
    findings.extend(settings.warnings.iter().map(|warning| {
        Finding::warn(
            "settings",
            warning,
            "correct the key; config/appsettings.schema.json describes every one",
        )
    }));
    findings.push(authentication(settings));
    findings.push(files(settings));
    findings
}

fn authentication(settings: &Settings) -> Finding {
    let subject = "authentication";
    let jwt = &settings.authentication.jwt;
    let has_key = jwt.secret.is_some() || jwt.public_key_pem.is_some() || jwt.jwks_url.is_some();
    if settings.authentication.mode == AuthenticationMode::None {
        let saw = "mode None: everyone may do everything";
        let cure = "set Authentication:Mode to Jwt wherever others can reach this server";
        return Finding::warn(subject, saw, cure);
    }
    match Authentication::new(&settings.authentication) {
        Err(problem) => Finding::fail(subject, problem, "correct the key that is named"),
        Ok(_) if !has_key => Finding::fail(
            subject,
            "mode Jwt without a key: hubs and API answer 401 to everybody",
            "set Authentication:Jwt:Secret, PublicKeyPem or JwksUrl",
        ),
        Ok(_) => Finding::good(subject, "mode Jwt with a key"),
    }
}

/// The server raises its own limit as far as it may, so the hard one counts.
fn files(settings: &Settings) -> Finding {
    let (subject, connections) = ("open files", settings.server.max_connections);
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).maximum;
    let needed = connections as u64 + FILE_RESERVE;
    match limit {
        Some(limit) if limit < needed => Finding::fail(
            subject,
            format!("at most {limit}, but {connections} connections need {needed}"),
            format!(
                "raise the limit (ulimit -n {needed}; LimitNOFILE= in a unit; --ulimit \
                 nofile={needed} for a container) or lower Server:MaxConnections"
            ),
        ),
        Some(limit) => Finding::good(subject, format!("at most {limit}, {needed} are needed")),
        None => Finding::good(subject, "no limit"),
    }
}

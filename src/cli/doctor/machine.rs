//! What this machine and the settings say by themselves.

use super::finding::Finding;
use crate::{
    app::{connections_within, files_for},
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

/// The server raises its own limit as far as it may, so the hard one counts. It accepts no more
/// connections than that is enough for, which is wrong only if somebody asked for more.
fn files(settings: &Settings) -> Finding {
    let (subject, connections) = ("open files", settings.server.max_connections);
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).maximum;
    let needed = files_for(connections);
    match limit {
        Some(limit) if limit < needed => {
            let cure = format!(
                "raise the limit (ulimit -n {needed}; LimitNOFILE= in a unit; --ulimit \
                 nofile={needed} for a container) or set Server:MaxConnections to what you need"
            );
            if settings.server.max_connections_is_set {
                let saw = format!("at most {limit}, but {connections} connections need {needed}");
                return Finding::fail(subject, saw, cure);
            }
            let fit = connections_within(limit);
            let saw =
                format!("at most {limit}: {fit} connections fit, not the default {connections}");
            Finding::warn(subject, saw, cure)
        }
        Some(limit) => Finding::good(subject, format!("at most {limit}, {needed} are needed")),
        None => Finding::good(subject, "no limit"),
    }
}

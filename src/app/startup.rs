//! What the operator reads at start: the lines that tell which parts are on and what to set.

use crate::{
    auth::Authentication,
    settings::{AuthenticationMode, Settings},
};

/// Shorter secrets can be guessed offline from one token.
const LEAST_SECRET_BYTES: usize = 32;

/// Logs what the settings come to.
pub(super) fn report(settings: &Settings, authentication: &Authentication) {
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        environment = settings.environment.as_str(),
        fleet = settings.fleet_name,
        workers = settings.server.workers,
        "Starting"
    );
    for warning in &settings.warnings {
        tracing::warn!("⚠️ {warning}");
    }
    report_authentication(settings, authentication);
}

fn report_authentication(settings: &Settings, authentication: &Authentication) {
    let jwt = &settings.authentication.jwt;
    if authentication.lacks_key() {
        tracing::warn!(
            "⚠️ There is no key to verify tokens with, so hubs and API answer 401. Set \
             Authentication__Jwt__Secret or Authentication__Jwt__PublicKeyPem, or, where everyone \
             may do everything, Authentication__Mode=None"
        );
    }
    let is_short = |length| length < LEAST_SECRET_BYTES;
    if jwt
        .secret
        .as_ref()
        .is_some_and(|secret| is_short(secret.expose().len()))
    {
        tracing::warn!(
            "⚠️ Authentication:Jwt:Secret is shorter than {LEAST_SECRET_BYTES} bytes and can be guessed"
        );
    }
    if settings.authentication.mode == AuthenticationMode::None {
        tracing::info!("Authentication is off: everyone has all roles");
    }
}

//! `serve`: the server itself.

use super::Outcome;
use crate::{app, settings::Settings, telemetry};

pub(super) fn run(settings: Settings) -> Outcome {
    telemetry::start(&settings.logging);
    app::run(settings).map_err(|error| error.to_string())
}

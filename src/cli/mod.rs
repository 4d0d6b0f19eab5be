//! The command line. Each command is one file; `serve` is the default.

mod bench;
mod check_config;
mod doctor;
mod healthcheck;
mod remote;
mod serve;
mod simulate;
mod tokens;

use std::{path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};

use crate::settings::{Settings, Sources};

/// An ASP.NET Core SignalR server: AI chat, live bots and backtests over WebSockets,
/// Server-Sent Events and long polling.
#[derive(Debug, Parser)]
#[command(version)]
pub struct Cli {
    /// The folder with appsettings.json and appsettings.{Environment}.json.
    #[arg(long, global = true, value_name = "DIR", default_value = "config")]
    config_dir: PathBuf,
    /// One more settings file, laid over those of the folder.
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server (the default).
    Serve,
    /// Read all settings, say what they come to and what is wrong with them.
    CheckConfig,
    Doctor(doctor::Doctor),
    Bench(bench::Bench),
    /// Make a bearer token, or an API key with its hash.
    GenToken(tokens::GenToken),
    /// Say whether a bearer token is accepted and what its bearer may do.
    CheckToken(tokens::CheckToken),
    /// Play a trading desk against a server: bots and backtests that report and obey commands.
    Simulate(simulate::Simulate),
    /// Ask the server on this machine whether it lives; for container health checks.
    Healthcheck,
}

impl Cli {
    /// Runs the command. What went wrong stands on the standard error.
    pub fn run(self) -> ExitCode {
        let mut sources = Sources::of_process().with_file(self.config);
        sources.folder = self.config_dir;
        let outcome = match self.command.unwrap_or(Command::Serve) {
            Command::CheckConfig => check_config::run(&sources),
            Command::Bench(arguments) => arguments.run(),
            Command::Doctor(arguments) => arguments.run(&sources),
            Command::Healthcheck => healthcheck::run(&sources),
            Command::Simulate(arguments) => arguments.run(),
            Command::Serve => with_settings(&sources, serve::run),
            Command::GenToken(arguments) => with_settings(&sources, |s| arguments.run(&s)),
            Command::CheckToken(arguments) => with_settings(&sources, |s| arguments.run(&s)),
        };
        match outcome {
            Ok(()) => ExitCode::SUCCESS,
            Err(problem) => {
                eprintln!("{problem}");
                ExitCode::FAILURE
            }
        }
    }
}

/// What a command ends with: nothing, or what to tell the operator.
type Outcome = Result<(), String>;

/// Runs what has to wait for the network, in a command that is not a server.
fn block_on<T>(work: impl Future<Output = Result<T, String>>) -> Result<T, String> {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_all().build();
    runtime.map_err(|error| error.to_string())?.block_on(work)
}

fn with_settings(sources: &Sources, command: impl FnOnce(Settings) -> Outcome) -> Outcome {
    let settings = Settings::load(sources).map_err(|error| format!("Bad settings:\n{error}"))?;
    command(settings)
}

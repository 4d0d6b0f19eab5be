//! `gen-token` and `check-token`: bearer tokens and API keys, with the server's own settings.

use std::{
    io::Read,
    time::{Duration, SystemTime},
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use clap::{Args, ValueEnum};

use super::Outcome;
use crate::{
    auth::{self, TokenRequest, TokenVerifier},
    settings::{Settings, parse_duration},
};

/// Make a bearer token, signed with Authentication:Jwt:Secret, or an API key.
#[derive(Debug, Args)]
pub struct GenToken {
    /// The user (the claim sub), or the name of the API key.
    #[arg(default_value = "admin")]
    user: String,
    /// Roles: viewer, operator, worker, admin; several with commas.
    #[arg(long, short, value_delimiter = ',')]
    roles: Vec<String>,
    /// How long the token is valid: 90s, 30m, 12h or 01:30:00.
    #[arg(long, default_value = "1h", value_parser = lifetime)]
    expires_in: Duration,
    #[arg(long, default_value = "hs256")]
    algorithm: Algorithm,
    /// Make an API key for X-Api-Key and the settings that let it in.
    #[arg(long)]
    api_key: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Algorithm {
    Hs256,
    Hs384,
    Hs512,
}

fn lifetime(text: &str) -> Result<Duration, String> {
    parse_duration(text)?.ok_or_else(|| "a token needs an end".to_owned())
}

impl GenToken {
    pub(super) fn run(self, settings: &Settings) -> Outcome {
        if self.api_key {
            self.print_api_key();
            return Ok(());
        }
        let request = TokenRequest {
            subject: self.user,
            roles: self.roles,
            lifetime: self.expires_in,
            algorithm: match self.algorithm {
                Algorithm::Hs256 => jsonwebtoken::Algorithm::HS256,
                Algorithm::Hs384 => jsonwebtoken::Algorithm::HS384,
                Algorithm::Hs512 => jsonwebtoken::Algorithm::HS512,
            },
        };
        println!(
            "{}",
            auth::make_token(&settings.authentication.jwt, &request)?
        );
        Ok(())
    }

    /// The key is shown once; the settings keep its hash only.
    fn print_api_key(&self) {
        let random: [u8; 32] = rand::random();
        let key = URL_SAFE_NO_PAD.encode(random);
        let digest = auth::hash_api_key(&key);
        let hash: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        println!("X-Api-Key: {key}");
        println!("Authentication__ApiKeys__0__Name={}", self.user);
        println!("Authentication__ApiKeys__0__Hash=sha256:{hash}");
        for (index, role) in self.roles.iter().enumerate() {
            println!("Authentication__ApiKeys__0__Roles__{index}={role}");
        }
    }
}

/// Say whether a bearer token is accepted.
#[derive(Debug, Args)]
pub struct CheckToken {
    /// The token; read from the standard input if absent, so that it stays out of the history.
    token: Option<String>,
}

impl CheckToken {
    pub(super) fn run(self, settings: &Settings) -> Outcome {
        let token = match self.token {
            Some(token) => token,
            None => {
                let mut text = String::new();
                let read = std::io::stdin().take(1 << 20).read_to_string(&mut text);
                read.map_err(|error| error.to_string())?;
                text
            }
        };
        let verifier = TokenVerifier::new(&settings.authentication.jwt)?;
        let user = super::block_on(async {
            verifier.fetch_keys_once().await?;
            let user = verifier.verify(token.trim()).await;
            user.map_err(|error| format!("❌ Refused: {error}"))
        })?;
        println!("✅ Accepted");
        println!("user     {}", user.id);
        println!(
            "roles    {}",
            if user.roles.is_empty() {
                "none: may only chat".into()
            } else {
                user.roles.join(", ")
            }
        );
        if let Some(expires_at) = user.expires_at {
            println!("expires  {}", when(expires_at));
        }
        Ok(())
    }
}

fn when(time: SystemTime) -> String {
    let time = chrono::DateTime::<chrono::Utc>::from(time);
    time.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
}

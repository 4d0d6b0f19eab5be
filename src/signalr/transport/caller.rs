//! Who makes a request, as its token says.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use super::{
    dispatch::Numbered,
    locate::Missing,
    registry::Connections,
    token::{TOKEN_BYTES, Token},
};
use crate::signalr::fleet::ConnectionKey;

/// A request's token, read once.
pub struct Caller {
    pub key: ConnectionKey,
    pub user: Option<String>,
    token: String,
    signed: Option<Token>,
}

impl Caller {
    /// Whether the token was read, and so its user checked.
    pub fn is_checked(&self) -> bool {
        self.signed.is_some()
    }

    /// The token as it came.
    pub(super) fn token(&self) -> &str {
        &self.token
    }

    /// What it says, if it was signed with the fleet's key.
    pub(super) fn signed(&self) -> Option<&Token> {
        self.signed.as_ref()
    }

    /// Whether another instance could have given it out: it has the form of a token, or of an id.
    pub(super) fn may_be_elsewhere(&self) -> bool {
        let length = URL_SAFE_NO_PAD.decode(&self.token).map(|bytes| bytes.len());
        matches!(length, Ok(16 | TOKEN_BYTES))
    }

    /// Whether stateful reconnect was negotiated, as far as the token tells.
    pub fn is_stateful(&self) -> bool {
        self.signed.as_ref().is_some_and(|token| token.stateful)
    }
}

impl Connections {
    /// Reads the token of a request to a hub. An instance that has just started must know the
    /// fleet's key first.
    pub async fn caller(
        &self,
        (_, endpoint): &Numbered,
        token: &str,
        user: Option<&str>,
    ) -> Result<Caller, Missing> {
        if let Some(fleet) = self.fleet() {
            fleet.met().await;
        }
        let signed = match self.keys().verify(endpoint.path(), token, user) {
            Some((_, false)) if self.bind_to_user => return Err(Missing::Foreign),
            signed => signed.map(|(token, _)| token),
        };
        Ok(Caller {
            key: ConnectionKey::of(token),
            user: user.map(str::to_owned),
            token: token.to_owned(),
            signed,
        })
    }

    /// Whether a token could be one of a connection, as far as can be told without asking.
    pub fn is_plausible(&self, hub: &Numbered, token: &str) -> bool {
        self.known(ConnectionKey::of(token)).is_some()
            || self.keys().verify(hub.1.path(), token, None).is_some()
    }
}

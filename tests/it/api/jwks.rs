//! Keys by address: a provider that is down at the start, changes its keys, and goes down again.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use jsonwebtoken::jwk::Jwk;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;
use crate::support::Task;

const RSA: &[u8] = include_bytes!("../../../src/auth/tests/rsa.pem");
const EC: &[u8] = include_bytes!("../../../src/auth/tests/ec.pem");
/// Two unknown keys in a row wait five seconds for each other, and a host that was down is asked
/// less and less often.
const LIMIT: Duration = Duration::from_secs(60);

/// A key with a name.
struct Signer {
    id: &'static str,
    algorithm: Algorithm,
    key: EncodingKey,
}

impl Signer {
    fn rsa(id: &'static str) -> Self {
        let key = EncodingKey::from_rsa_pem(RSA).expect("is a key");
        let algorithm = Algorithm::RS256;
        Self { id, algorithm, key }
    }

    fn elliptic(id: &'static str) -> Self {
        let key = EncodingKey::from_ec_pem(EC).expect("is a key");
        let algorithm = Algorithm::ES256;
        Self { id, algorithm, key }
    }

    fn public(&self) -> Value {
        let mut jwk = Jwk::from_encoding_key(&self.key, self.algorithm).expect("has a public part");
        jwk.common.key_id = Some(self.id.to_owned());
        serde_json::to_value(jwk).expect("is JSON")
    }

    fn token(&self) -> String {
        let claims = json!({"sub": "ann", "roles": ["viewer"], "exp": seconds_from_now(600)});
        let mut header = Header::new(self.algorithm);
        header.kid = Some(self.id.to_owned());
        encode(&header, &claims, &self.key).expect("can be signed")
    }
}

/// An identity provider: answers every request with its keys.
struct Provider {
    keys: Arc<Mutex<Value>>,
    _task: Task,
}

impl Provider {
    async fn start(address: SocketAddr, keys: &[&Signer]) -> Self {
        let listener = TcpListener::bind(address).await.expect("the port is free");
        let keys = Arc::new(Mutex::new(set(keys)));
        let answered = keys.clone();
        let task = Task::spawn(async move {
            while let Ok((mut socket, _)) = listener.accept().await {
                let _ = socket.read(&mut [0; 4096]).await;
                let body = answered.lock().expect("nobody panics").to_string();
                let length = body.len();
                let answer = format!(
                    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
                );
                let _ = socket.write_all(answer.as_bytes()).await;
            }
        });
        Self { keys, _task: task }
    }

    fn change(&self, keys: &[&Signer]) {
        *self.keys.lock().expect("nobody panics") = set(keys);
    }
}

fn set(keys: &[&Signer]) -> Value {
    let keys: Vec<Value> = keys.iter().map(|key| key.public()).collect();
    json!({"keys": keys})
}

async fn status(program: &Program, token: &str) -> u16 {
    let headers = [("Authorization", bearer(token))];
    let headers = headers
        .each_ref()
        .map(|(name, value)| (*name, value.as_str()));
    ask(program, "GET", "/api/v1/bots", &headers, "")
        .await
        .status()
}

/// Tries again until the token is accepted, as a client would.
async fn accepted(program: &Program, token: &str) {
    let begin = Instant::now();
    while status(program, token).await != 200 {
        assert!(begin.elapsed() < LIMIT, "the token is not accepted");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test]
async fn keys_are_fetched_changed_and_kept_while_their_host_is_down() {
    let reserved = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port is free");
    let address = reserved.local_addr().expect("is bound");
    drop(reserved);
    let url = format!("http://{address}/keys");
    let program = Program::start(&[
        ("ConnectionStrings__Redis", ""),
        ("Authentication__Jwt__JwksUrl", &url),
    ]);
    let (first, second) = (Signer::rsa("first"), Signer::elliptic("second"));
    assert_eq!(
        status(&program, &first.token()).await,
        401,
        "the host is down"
    );

    let provider = Provider::start(address, &[&first]).await;
    accepted(&program, &first.token()).await;
    assert_eq!(status(&program, &second.token()).await, 401);
    // A public key is no secret, whatever the token says.
    let public = first.public().to_string();
    let claims = json!({"sub": "ann", "roles": ["admin"], "exp": seconds_from_now(600)});
    assert_eq!(status(&program, &sign(&claims, &public)).await, 401);

    provider.change(&[&second]);
    accepted(&program, &second.token()).await;
    assert_eq!(
        status(&program, &first.token()).await,
        401,
        "it was taken back"
    );

    drop(provider);
    assert_eq!(status(&program, &Signer::rsa("third").token()).await, 401);
    assert_eq!(status(&program, &second.token()).await, 200);
}

//! TLS: which certificates are believed. `tls/` holds a server's certificate for `redis.test` and
//! the authority that made it; both are for these tests only and last a hundred years.

use std::path::PathBuf;

use managing_api::redis::{Options, RedisService, State, Tls};

use super::{assert_flows, is_down, wait_for};
use crate::support::{redis::RedisServer, server::free_address, turn};

fn file(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/it/redis/tls")
        .join(name)
}

#[tokio::test]
async fn a_certificate_is_verified_unless_the_operator_says_otherwise() {
    let _turn = turn::beside_others();
    let port = free_address().port();
    let [certificate, key] =
        ["server.pem", "server.key"].map(|name| file(name).display().to_string());
    let tls_port = port.to_string();
    let arguments = [
        "--tls-port",
        &tls_port,
        "--tls-cert-file",
        &certificate,
        "--tls-key-file",
        &key,
        "--tls-auth-clients",
        "no",
    ];
    let Some(_server) = RedisServer::start(&arguments).await else {
        return;
    };
    let service = |tls: Tls| {
        RedisService::start(Options {
            tls: Some(tls),
            ..Options::server("127.0.0.1", port)
        })
    };
    let named = Tls {
        server_name: Some("redis.test".to_owned()),
        extra_authorities: Some(file("ca.pem")),
        ..Tls::default()
    };

    let verified = service(named.clone());
    let (subscriber, mut receiver) = verified.pub_sub().subscriber();
    wait_for(&verified, "up", State::is_up).await;
    subscriber.subscribe(vec!["news".to_owned()]).await;
    assert_flows(&verified, "news", &mut receiver).await;

    let unverified = service(Tls {
        accept_any_certificate: true,
        ..Tls::default()
    });
    wait_for(&unverified, "up", State::is_up).await;

    let another_name = Tls {
        server_name: Some("another.test".to_owned()),
        ..named.clone()
    };
    let no_authority = Tls {
        extra_authorities: None,
        ..named.clone()
    };
    for wrong in [another_name, no_authority] {
        let state = wait_for(&service(wrong.clone()), "down", is_down).await;
        assert!(
            state.to_string().contains("InvalidCertificate"),
            "{wrong:?}: {state}"
        );
    }
    let missing = service(Tls {
        extra_authorities: Some(file("nothing.pem")),
        ..named
    });
    let state = wait_for(&missing, "down", is_down).await;
    assert!(state.to_string().contains("nothing.pem"), "{state}");
}

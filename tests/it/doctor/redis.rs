//! Faults between the program and its Redis.

use tokio::{io::AsyncReadExt as _, io::AsyncWriteExt as _, net::TcpListener};

use super::{assert_says, examine};
use crate::support::redis::RedisServer;

/// The findings of a doctor with this connection string are no good ones, and say this.
async fn assert_finds(redis: &str, sentences: &[&str]) {
    let (text, is_good) = examine(&[], &[("ConnectionStrings__Redis", redis)]).await;
    assert!(!is_good, "{text}");
    assert_says(&text, sentences);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_password_is_found_and_not_shown() {
    let Some(redis) = RedisServer::start(&["--requirepass", "right"]).await else {
        return;
    };
    let wrong = format!("{},password=wr0ng-secret", redis.address());
    let (text, is_good) = examine(&[], &[("ConnectionStrings__Redis", &wrong)]).await;
    assert!(!is_good && !text.contains("wr0ng-secret"), "{text}");
    assert_says(&text, &["❌ Redis: wrong password", "set password="]);
    let right = format!("{},password=right", redis.address());
    let (text, is_good) = examine(&[], &[("ConnectionStrings__Redis", &right)]).await;
    assert!(is_good, "{text}");
    assert_says(
        &text,
        &["✅ Redis: connected", "✅ Redis permissions", "✅ clock"],
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_without_channel_permissions_is_found() {
    let Some(redis) = RedisServer::start(&[]).await else {
        return;
    };
    redis
        .ask(&["ACL SETUSER app on >pw ~* resetchannels +@all"])
        .await;
    let settings = format!("{},user=app,password=pw", redis.address());
    assert_finds(
        &settings,
        &[
            "❌ Redis permissions: no permission to publish",
            "ACL SETUSER",
            "+publish +subscribe",
        ],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_who_may_not_write_keys_is_found() {
    let Some(redis) = RedisServer::start(&[]).await else {
        return;
    };
    redis
        .ask(&["ACL SETUSER app on >pw %R~* &* +@all -@write"])
        .await;
    let settings = format!("{},user=app,password=pw", redis.address());
    assert_finds(
        &settings,
        &["❌ Redis permissions: not allowed on", "SET", "+@write"],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tls_where_redis_speaks_none_is_found() {
    let Some(redis) = RedisServer::start(&[]).await else {
        return;
    };
    let settings = format!("{},ssl=true", redis.address());
    assert_finds(
        &settings,
        &["❌ Redis: TLS mismatch", "does not speak TLS", "ssl=false"],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn plain_text_where_redis_wants_tls_is_found() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("is bound");
    let alerts = tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let _ = socket.read(&mut [0; 64]).await;
            // "unexpected message", as every TLS server says to text.
            let _ = socket.write_all(&[0x15, 3, 3, 0, 2, 2, 10]).await;
        }
    });
    assert_finds(
        &address.to_string(),
        &["❌ Redis: TLS mismatch", "wants TLS", "ssl=true"],
    )
    .await;
    alerts.abort();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_is_not_there_is_found() {
    let Some(redis) = RedisServer::absent(&[]) else {
        return;
    };
    assert_finds(
        &redis.address(),
        &["❌ Redis", "cannot be reached", "check host and port"],
    )
    .await;
}

//! Clients whose bytes come one at a time.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{attacked::Attacked, descriptors_fall_to};
use crate::support::hub_client::{HubClient, PATIENCE, Received, negotiate, open_socket};
use crate::support::server::Server;
use crate::support::websocket::{Incoming, encode_frame};
use crate::support::{scale, turn, within};

/// Sends a byte every now and then until the server ends the connection; how long that took.
async fn drip(stream: TcpStream, text: &[u8], pause: Duration, limit: Duration) -> Duration {
    let began = Instant::now();
    let (mut reader, mut writer) = stream.into_split();
    let write = async {
        for byte in text.iter().cycle() {
            if writer.write_all(&[*byte]).await.is_err() {
                return;
            }
            tokio::time::sleep(pause).await;
        }
    };
    let read = async {
        let mut buffer = [0; 4096];
        while let Ok(1..) = reader.read(&mut buffer).await {}
    };
    let end = async {
        tokio::select! { () = write => {}, () = read => {} }
    };
    within(limit, "a dripping socket was not closed", end)
        .await
        .unwrap();
    began.elapsed()
}

#[tokio::test]
async fn a_request_head_that_drips_in_is_cut_off() {
    let _turn = turn::beside_others();
    let server = Attacked::with(&[]);
    let address = server.address();
    let before = server.open_descriptors() + 1;
    let sockets = (0..scale(30, 500)).map(|_| async move {
        let mut stream = TcpStream::connect(address).await.expect("connected");
        let start = b"GET /conformance HTTP/1.1\r\nHost: x\r\n";
        stream.write_all(start).await.expect("sent");
        let header = b"X-More: and more\r\n";
        drip(
            stream,
            header,
            Duration::from_millis(200),
            Duration::from_secs(20),
        )
        .await
    });
    for took in join_all(sockets).await {
        assert!(
            took < Duration::from_secs(12),
            "a dripping head lived {took:?}"
        );
    }
    descriptors_fall_to(&server, before).await;
    server.assert_undisturbed();
}

#[tokio::test]
async fn bodies_that_drip_in_hold_nobody_up() {
    let _turn = turn::beside_others();
    let server = Attacked::with(&[]);
    let address = server.address();
    let before = server.open_descriptors() + 1;
    let sockets = (0..scale(30, 500)).map(|_| async move {
        let token = negotiate(address, "").await;
        let mut stream = TcpStream::connect(address).await.expect("connected");
        let head = format!(
            "POST /conformance?id={token} HTTP/1.1\r\nHost: x\r\nContent-Length: 30000\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).await.expect("sent");
        for _ in 0..15 {
            if stream.write_all(b"{").await.is_err() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    });
    join_all(sockets).await;
    descriptors_fall_to(&server, before).await;
    server.assert_undisturbed();
}

#[tokio::test]
async fn a_handshake_that_drips_in_does_not_outlive_its_time() {
    let _turn = turn::beside_others();
    let server = Server::with(&[("HANDSHAKE_MS", "1500"), ("CLOSE_MS", "30000")]);
    let (sender, mut receiver) = open_socket(server.address(), "/conformance").await;
    receiver.ignore_close();
    let began = Instant::now();
    let drip = async {
        while sender.text(" ").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        std::future::pending().await
    };
    let read = async { while !matches!(receiver.next().await, Incoming::Closed { .. }) {} };
    let end = async {
        tokio::select! { () = drip => {}, () = read => {} }
    };
    within(Duration::from_secs(8), "the socket was not closed", end)
        .await
        .unwrap();
    assert!(
        began.elapsed() > Duration::from_millis(1000),
        "closed before its time"
    );
}

#[tokio::test]
async fn a_message_in_frames_of_one_byte_arrives_whole() {
    let _turn = turn::alone();
    let server = Attacked::with(&[]);
    let mut client = HubClient::connect(server.address(), "").await;
    let text = "x".repeat(30_000);
    let call = json!({"type": 1, "invocationId": "1", "target": "Echo", "arguments": [text]});
    let frames: Vec<u8> = format!("{call}\x1e")
        .bytes()
        .flat_map(|byte| encode_frame(1, true, &[byte]))
        .collect();
    client.sender.raw(&frames).await.expect("sent");
    let answer = within(PATIENCE, "no answer", client.next()).await.unwrap();
    assert!(matches!(answer, Received::Message(value) if value["result"] == *text));
    server.assert_undisturbed();
}

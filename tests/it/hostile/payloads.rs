//! Messages that are huge, deep, or claim to be.

use std::time::Duration;

use serde_json::json;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::{MIB, attacked::Attacked};
use crate::support::http::{self, Request};
use crate::support::hub_client::{HubClient, PATIENCE, negotiate, open_socket};
use crate::support::server::Server;
use crate::support::websocket::{Incoming, Receiver, Sender};
use crate::support::{scale, turn, within};

/// Debug builds and allocators keep some; what these tests look for is hundreds of megabytes.
const GROWTH: u64 = 64 * MIB;

async fn messagepack(server: &Server) -> (Sender, Receiver) {
    let (sender, mut receiver) = open_socket(server.address(), "/conformance").await;
    sender
        .text("{\"protocol\":\"messagepack\",\"version\":1}\x1e")
        .await
        .expect("sent");
    let answer = within(PATIENCE, "no handshake", receiver.next())
        .await
        .unwrap();
    assert_eq!(
        answer,
        Incoming::Message {
            bytes: b"{}\x1e".to_vec(),
            binary: true
        }
    );
    (sender, receiver)
}

/// Reads to the end; whether a message came before it.
async fn drain(receiver: &mut Receiver) -> bool {
    let mut came = false;
    loop {
        match within(PATIENCE, "the connection was not ended", receiver.next())
            .await
            .unwrap()
        {
            Incoming::Closed { .. } => return came,
            _ => came = true,
        }
    }
}

#[tokio::test]
async fn a_message_over_the_limit_ends_its_connection_and_no_other() {
    let _turn = turn::alone();
    let mut server = Attacked::with(&[]);
    let text = "x".repeat(1024 * 1024);
    for _ in 0..scale(20, 200) {
        let mut client = HubClient::connect(server.address(), "").await;
        // The server may end the connection before it has read everything, so this may fail.
        let message = format!("{{\"type\":1,\"target\":\"Echo\",\"arguments\":[\"{text}\"]}}\x1e");
        let _ = client.sender.text(&message).await;
        let (error, _) = client.closed().await;
        if let Some(error) = error {
            assert_eq!(error, "Connection closed with an error.");
        }
    }
    server.assert_grew_less_than(GROWTH);
    server.assert_undisturbed();
}

#[tokio::test]
async fn lengths_that_are_only_claimed_cost_no_memory() {
    let _turn = turn::beside_others();
    let mut server = Attacked::with(&[("MAX_MESSAGE", "0")]);
    let (mut half_frames, mut whole_frames) = (Vec::new(), Vec::new());
    for _ in 0..scale(20, 200) {
        // A WebSocket frame of 1 GiB, a MessagePack message of 2 GiB, an array of 2^32 - 1 values,
        // a string of that length.
        let (sender, receiver) = open_socket(server.address(), "/conformance").await;
        sender
            .raw(&[0x81, 0xFF, 0, 0, 0, 0, 0x40, 0, 0, 0, 0, 0, 0, 0, b'{'])
            .await
            .expect("sent");
        half_frames.push((sender, receiver));
        let claims: [&[u8]; 3] = [
            b"\xFF\xFF\xFF\xFF\x07\x96\x01",
            b"\x13\x96\x01\x80\xA11\xA7EchoAny\xDD\xFF\xFF\xFF\xFF\x90",
            b"\x14\x96\x01\x80\xA11\xA7EchoAny\x91\xDB\xFF\xFF\xFF\xFF\x90",
        ];
        for claim in claims {
            let (sender, receiver) = messagepack(&server).await;
            sender.message(true, claim).await.expect("sent");
            whole_frames.push((sender, receiver));
        }
    }
    // Whoever answers a ping, or ends the connection, has read what came before it.
    for (sender, receiver) in &mut whole_frames {
        let _ = sender.ping().await;
        while let Incoming::Message { .. } = within(PATIENCE, "no answer", receiver.next())
            .await
            .unwrap()
        {}
    }
    server.assert_grew_less_than(GROWTH);
    server.assert_undisturbed();
}

#[tokio::test]
async fn deep_json_ends_its_connection_and_no_other() {
    let _turn = turn::beside_others();
    let server = Attacked::with(&[("MAX_MESSAGE", "0")]);
    for deep in [
        "[".repeat(200_000),
        "{\"a\":".repeat(200_000),
        "[".repeat(100_000) + &"]".repeat(100_000),
    ] {
        for member in ["\"arguments\"", "\"unknown\"", "\"headers\""] {
            let mut client = HubClient::connect(server.address(), "").await;
            let message = format!("{{\"type\":1,\"target\":\"EchoAny\",{member}:[{deep}]}}\x1e");
            let _ = client.sender.text(&message).await;
            client.closed().await;
        }
    }
    server.assert_undisturbed();
}

#[tokio::test]
async fn deep_messagepack_does_no_harm() {
    let _turn = turn::beside_others();
    let server = Attacked::with(&[("MAX_MESSAGE", "0")]);
    // One value in an array in an array…, as an argument, as a header, and as the whole message.
    let deep = [vec![0x91; 200_000], vec![0xC0]].concat();
    let starts: [&[u8]; 4] = [
        b"\x96\x01\x80\xA11\xA7EchoAny",
        b"\x96\x01\x81\xA1h",
        b"\x94\x02\x80\xA1s",
        b"",
    ];
    for start in starts {
        let (sender, mut receiver) = messagepack(&server).await;
        let body = [start, &deep, b"\x90"].concat();
        let length = body.len();
        let prefix = [
            length as u8 | 0x80,
            (length >> 7) as u8 | 0x80,
            (length >> 14) as u8,
        ];
        sender
            .message(true, &[&prefix, body.as_slice()].concat())
            .await
            .expect("sent");
        // Answered with an error or ended: either is fine. A ping shows that it is over with.
        let _ = sender.message(true, &[2, 0x91, 6]).await;
        let _ = sender.close(Some(1000), "").await;
        drain(&mut receiver).await;
    }
    server.assert_undisturbed();
}

#[tokio::test]
async fn a_body_that_claims_to_be_huge_costs_no_memory() {
    let _turn = turn::beside_others();
    let mut server = Attacked::with(&[]);
    let part = vec![b'x'; 256 * 1024];
    let mut streams = Vec::new();
    let sockets = scale(20, 200);
    for _ in 0..sockets {
        let token = negotiate(server.address(), "").await;
        let mut stream = TcpStream::connect(server.address())
            .await
            .expect("connected");
        let head = format!(
            "POST /conformance?id={token} HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).await.expect("sent");
        let write = stream.write_all(&part);
        let _ = tokio::time::timeout(Duration::from_millis(100), write).await;
        streams.push(stream);
    }
    // What was really sent may wait in buffers on its way.
    let sent = sockets as u64 * part.len() as u64 * 2;
    server.assert_grew_less_than(GROWTH + sent);
    drop(streams);
    server.assert_undisturbed();
}

#[tokio::test]
async fn an_endless_request_head_is_refused() {
    let _turn = turn::beside_others();
    let mut server = Attacked::with(&[]);
    for _ in 0..scale(10, 100) {
        let header = "x".repeat(4 * 1024 * 1024);
        let request = Request::new("GET", "/conformance").header("X-Long", &header);
        let answer = within(PATIENCE, "no end", http::send(server.address(), &request))
            .await
            .unwrap();
        if let Ok(answer) = answer {
            assert!(answer.head.status >= 400, "answered {}", answer.head.status);
        }
    }
    server.assert_grew_less_than(GROWTH);
    server.assert_undisturbed();
}

#[tokio::test]
async fn results_of_many_megabytes_do_not_stay_in_memory() {
    let _turn = turn::alone();
    let server = Server::with(&[]);
    let mut client = HubClient::connect(server.address(), "").await;
    client.invoke("Big", json!([1000])).await;
    let before = server.resident_bytes();
    for _ in 0..scale(10, 50) {
        let big = client.invoke("Big", json!([8_000_000])).await;
        assert_eq!(big.as_str().map(str::len), Some(8_000_000));
    }
    let after = server.resident_bytes();
    assert!(
        after < before + GROWTH,
        "resident memory went from {before} to {after}"
    );
}

//! Clients that connect and then keep silent.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::{attacked::Attacked, descriptors_fall_to, time_to_end};
use crate::support::http::{self, Request};
use crate::support::hub_client::{negotiate, open_socket};
use crate::support::server::Server;
use crate::support::websocket::Incoming;
use crate::support::{scale, turn, within};

/// A request head must be there within 5 s; the rest is slack for a busy machine.
const HEAD_LIMIT: Duration = Duration::from_secs(10);

/// `HANDSHAKE_MS` of the tests below, plus the second the server may take, plus slack. Far below the
/// time the server would wait for the answer to its close frame (`CLOSE_MS`).
const HANDSHAKE_LIMIT: Duration = Duration::from_secs(8);
const OPTIONS: [(&str, &str); 2] = [("HANDSHAKE_MS", "1500"), ("CLOSE_MS", "30000")];

#[tokio::test]
async fn a_socket_that_never_sends_a_whole_request_is_closed() {
    let _turn = turn::beside_others();
    let server = Attacked::with(&[]);
    let address = server.address();
    let before = server.open_descriptors() + 1;
    let starts: [&[u8]; 3] = [
        b"",
        b"GET /conf",
        b"GET /conformance HTTP/1.1\r\nHost: x\r\n",
    ];
    let sockets = (0..scale(60, 1000)).map(|number| async move {
        let mut stream = TcpStream::connect(address).await.expect("connected");
        stream.write_all(starts[number % 3]).await.expect("sent");
        within(
            HEAD_LIMIT * 2,
            "a silent socket was not closed",
            time_to_end(&mut stream),
        )
        .await
    });
    for took in join_all(sockets).await {
        let took = took.unwrap();
        assert!(took < HEAD_LIMIT, "a silent socket lived {took:?}");
    }
    descriptors_fall_to(&server, before).await;
    server.assert_undisturbed();
}

#[tokio::test]
async fn a_websocket_that_never_shakes_hands_is_closed_without_waiting_for_its_answer() {
    let _turn = turn::beside_others();
    let server = Attacked::with(&OPTIONS);
    let address = server.address();
    let before = server.open_descriptors() + 1;
    let sockets = (0..scale(60, 1000)).map(|number| async move {
        let (sender, mut receiver) = open_socket(address, "/conformance").await;
        receiver.ignore_close();
        if number % 2 == 1 {
            sender.text("{\"protocol\":\"js").await.expect("sent");
        }
        let began = Instant::now();
        loop {
            match within(
                HANDSHAKE_LIMIT,
                "a silent socket was not closed",
                receiver.next(),
            )
            .await
            {
                Ok(Incoming::Closed { .. }) => return began.elapsed(),
                Ok(_) => {}
                Err(late) => panic!("{late}"),
            }
        }
    });
    for took in join_all(sockets).await {
        assert!(took < HANDSHAKE_LIMIT, "a silent socket lived {took:?}");
    }
    descriptors_fall_to(&server, before).await;
    server.assert_undisturbed();
}

#[tokio::test]
async fn an_event_stream_that_never_shakes_hands_is_ended() {
    let _turn = turn::beside_others();
    let server = Server::with(&OPTIONS);
    let address = server.address();
    let before = server.open_descriptors() + 1;
    let streams = (0..scale(20, 300)).map(|_| async move {
        let token = negotiate(address, "").await;
        let request = Request::new("GET", format!("/conformance?id={token}"))
            .header("Accept", "text/event-stream");
        let answer = within(
            HANDSHAKE_LIMIT,
            "a silent stream lived",
            http::send(address, &request),
        );
        answer.await.unwrap().expect("the body ends normally")
    });
    for answer in join_all(streams).await {
        assert_eq!(answer.head.status, 200);
    }
    descriptors_fall_to(&server, before).await;
}

#[tokio::test]
async fn a_connection_nobody_polls_is_forgotten() {
    let _turn = turn::beside_others();
    let server = Server::with(&[("DISCONNECT_MS", "1500")]);
    let address = server.address();
    let token = negotiate(address, "").await;
    let path = format!("/conformance?id={token}");
    let first = http::send(address, &Request::new("GET", path.as_str()))
        .await
        .expect("answered");
    assert_eq!(first.head.status, 200);
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        tokio::time::sleep(Duration::from_millis(500)).await;
        // A POST does not count as attached, so asking does not keep the connection alive.
        let request = Request::new("POST", path.as_str()).body("");
        let answer = http::send(address, &request).await.expect("answered");
        if answer.head.status == 404 {
            return;
        }
        assert!(Instant::now() < deadline, "the connection is still known");
    }
}

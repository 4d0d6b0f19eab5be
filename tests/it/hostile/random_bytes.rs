//! Bytes that mean nothing, at every layer.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, RngExt, SeedableRng};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::{MIB, attacked::Attacked, descriptors_fall_to};
use crate::support::hub_client::open_socket;
use crate::support::server::Server;
use crate::support::{scale, turn};

/// What the bytes are thrown at.
#[derive(Clone, Copy, Debug)]
enum Layer {
    Tcp,
    RequestLine,
    WebSocketFrames,
    Handshake,
    JsonMessages,
    MessagePackMessages,
}

const LAYERS: [Layer; 6] = [
    Layer::Tcp,
    Layer::RequestLine,
    Layer::WebSocketFrames,
    Layer::Handshake,
    Layer::JsonMessages,
    Layer::MessagePackMessages,
];

#[tokio::test]
async fn random_bytes_at_any_layer_do_no_harm() {
    let _turn = turn::alone();
    let mut server = Attacked::with(&[]);
    let descriptors = server.open_descriptors() + 1;
    server.count_memory_from_here();
    for seed in 0..scale(40, 2000) as u64 {
        for layer in LAYERS {
            let mut random = StdRng::seed_from_u64(seed);
            throw(&server, layer, &mut random).await;
        }
    }
    descriptors_fall_to(&server, descriptors).await;
    server.assert_grew_less_than(64 * MIB);
    server.assert_undisturbed();
}

async fn throw(server: &Server, layer: Layer, random: &mut StdRng) {
    let bytes = random_bytes(random);
    if let Layer::Tcp | Layer::RequestLine = layer {
        let mut stream = TcpStream::connect(server.address())
            .await
            .expect("connected");
        let start: &[u8] = if let Layer::Tcp = layer {
            b""
        } else {
            b"POST /conformance?id="
        };
        let _ = stream
            .write_all(&[start, &bytes, b"\r\n\r\n"].concat())
            .await;
        return;
    }
    let (sender, _receiver) = open_socket(server.address(), "/conformance").await;
    let protocol = match layer {
        Layer::JsonMessages => Some("json"),
        Layer::MessagePackMessages => Some("messagepack"),
        _ => None,
    };
    if let Some(protocol) = protocol {
        let handshake = format!("{{\"protocol\":\"{protocol}\",\"version\":1}}\x1e");
        sender.text(&handshake).await.expect("sent");
    }
    // The server may end the connection at any point, so sending may fail.
    match layer {
        Layer::WebSocketFrames => drop(sender.raw(&bytes).await),
        Layer::JsonMessages => drop(sender.message(true, &json_like(&bytes)).await),
        Layer::MessagePackMessages => drop(sender.message(true, &messagepack_like(bytes)).await),
        _ => drop(sender.message(true, &bytes).await),
    }
    let _ = sender.message(true, b"\x1e").await;
    tokio::time::sleep(Duration::from_millis(1)).await;
}

fn random_bytes(random: &mut StdRng) -> Vec<u8> {
    let mut bytes = vec![0; random.random_range(1..2000)];
    random.fill_bytes(&mut bytes);
    bytes
}

/// The bytes as pieces of JSON, so that some get past the first character.
fn json_like(bytes: &[u8]) -> Vec<u8> {
    const PIECES: [&str; 16] = [
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\"type\"",
        "\"target\"",
        "\"arguments\"",
        "\"invocationId\"",
        "1",
        "-0.5e9",
        "\"Echo\"",
        "null",
        "\\u00",
        "\x1e",
    ];
    bytes
        .iter()
        .flat_map(|byte| PIECES[usize::from(byte % 16)].bytes())
        .collect()
}

/// The bytes behind a right length prefix and the start of an invocation.
fn messagepack_like(bytes: Vec<u8>) -> Vec<u8> {
    let body = [&[0x96, 0x01, 0x80], bytes.as_slice()].concat();
    let prefix = [body.len() as u8 | 0x80, (body.len() >> 7) as u8];
    [&prefix, body.as_slice()].concat()
}

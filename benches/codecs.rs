//! Parsing and writing one hub message: about 200 bytes, and 2 KB.
//!
//! `cargo bench --bench codecs`

use divan::{Bencher, black_box, counter::BytesCount};
use managing_api::signalr::protocol::{
    ClientMessage, Decode, Encode, Protocol, Raw, RawPayload, framing, parse,
    write::{write_invocation, write_result},
};
use serde::{Deserialize, Serialize};

fn main() {
    divan::main();
}

/// Protocol and number of trades, each about 90 bytes of JSON.
const CASES: [(Protocol, usize); 4] = [
    (Protocol::Json, 1),
    (Protocol::Json, 22),
    (Protocol::MessagePack, 1),
    (Protocol::MessagePack, 22),
];

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Trade {
    bot_id: String,
    symbol: String,
    price: f64,
    quantity: i64,
    closed: bool,
}

fn trades(count: usize) -> Vec<Trade> {
    (0..count)
        .map(|index| Trade {
            bot_id: format!("bot-{index}"),
            symbol: "BTC/USDT".to_owned(),
            price: 67_123.25 + index as f64,
            quantity: 1_000 * index as i64,
            closed: index % 2 == 0,
        })
        .collect()
}

/// A call as it comes off the framing.
fn call(protocol: Protocol, count: usize) -> Vec<u8> {
    let mut body = Vec::new();
    write_invocation(
        protocol,
        &mut body,
        Some("17"),
        "ReportTrades",
        &(trades(count),),
    )
    .expect("trades fit");
    if protocol == Protocol::Json {
        body.pop();
    }
    body
}

/// Arguments as text or bytes, untouched.
#[divan::bench(args = CASES)]
fn parse_call(bencher: Bencher, (protocol, count): (Protocol, usize)) {
    let body = call(protocol, count);
    bencher
        .counter(BytesCount::new(body.len()))
        .bench(|| parse(protocol, black_box(&body)).is_ok());
}

#[divan::bench(args = Protocol::ALL)]
fn parse_small_call(bencher: Bencher, protocol: Protocol) {
    let mut body = Vec::new();
    write_invocation(
        protocol,
        &mut body,
        Some("17"),
        "SendMessage",
        &("lobby", "Hello, world!", 42),
    )
    .expect("fits");
    if protocol == Protocol::Json {
        body.pop();
    }
    bencher
        .counter(BytesCount::new(body.len()))
        .bench(|| parse(protocol, black_box(&body)).is_ok());
}

/// Arguments as a hub method gets them.
#[divan::bench(args = CASES)]
fn parse_and_bind_call(bencher: Bencher, (protocol, count): (Protocol, usize)) {
    let body = call(protocol, count);
    bencher.counter(BytesCount::new(body.len())).bench(|| {
        let Ok(ClientMessage::Invocation(call)) = parse(protocol, black_box(&body)) else {
            panic!("not an invocation");
        };
        Vec::<Trade>::decode(call.arguments.expect("well-formed")[0])
            .expect("trades")
            .len()
    });
}

#[divan::bench(args = CASES)]
fn write_typed_call(bencher: Bencher, (protocol, count): (Protocol, usize)) {
    let arguments = (trades(count),);
    let mut out = Vec::with_capacity(8 * 1024);
    bencher.bench_local(|| {
        out.clear();
        write_invocation(
            protocol,
            &mut out,
            None,
            black_box("TradesClosed"),
            &arguments,
        )
        .expect("trades fit");
        out.len()
    });
}

/// What came in one call going out in another.
#[divan::bench(args = CASES)]
fn write_payload_call(bencher: Bencher, (protocol, count): (Protocol, usize)) {
    let arguments = (payload(protocol, count),);
    let mut out = Vec::with_capacity(8 * 1024);
    bencher.bench_local(|| {
        out.clear();
        write_invocation(
            protocol,
            &mut out,
            None,
            black_box("TradesClosed"),
            &arguments,
        )
        .expect("a payload fits");
        out.len()
    });
}

/// The same for a receiver of the other protocol.
#[divan::bench(args = CASES)]
fn convert_payload(bencher: Bencher, (protocol, count): (Protocol, usize)) {
    let payload = payload(protocol, count);
    let [other] = Protocol::ALL
        .into_iter()
        .filter(|other| *other != protocol)
        .collect::<Vec<_>>()[..]
    else {
        unreachable!("there are two protocols");
    };
    let mut out = Vec::with_capacity(8 * 1024);
    bencher.bench_local(|| {
        out.clear();
        payload.encode(other, &mut out).expect("trades fit both");
        out.len()
    });
}

#[divan::bench(args = Protocol::ALL)]
fn write_small_result(bencher: Bencher, protocol: Protocol) {
    let mut out = Vec::with_capacity(1024);
    bencher.bench_local(|| {
        out.clear();
        write_result(protocol, &mut out, black_box("17"), &42).expect("a number fits");
        out.len()
    });
}

#[divan::bench(args = [1, 22])]
fn find_record(bencher: Bencher, count: usize) {
    let mut record = call(Protocol::Json, count);
    record.push(framing::RECORD_SEPARATOR);
    bencher.bench(|| framing::split_record(black_box(&record), &mut 0).is_some());
}

fn payload(protocol: Protocol, count: usize) -> RawPayload {
    let mut value = Vec::new();
    trades(count)
        .encode(protocol, &mut value)
        .expect("trades fit");
    RawPayload::from(match protocol {
        Protocol::Json => Raw::Json(std::str::from_utf8(&value).expect("JSON is text")),
        Protocol::MessagePack => Raw::MessagePack(&value),
    })
}

//! Payloads recorded from ASP.NET Core SignalR with its Redis backplane, version 10.0.15.

use bytes::Bytes;
use serde::Deserialize;

use super::{
    super::{Ack, Channel, Channels, Completion, GroupAction, GroupCommand, Invocation},
    bytes,
};
use crate::signalr::protocol::Protocol;

/// One `PUBLISH` of the reference, and what it says.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Published {
    name: String,
    hub: String,
    channel: String,
    payload: String,
    #[serde(default)]
    excluded: Vec<String>,
    #[serde(default)]
    protocols: Vec<String>,
    invocation_id: Option<String>,
    return_channel: Option<String>,
    id: Option<i32>,
    server: Option<String>,
    action: Option<i32>,
    group: Option<String>,
    connection: Option<String>,
    protocol: Option<String>,
}

/// A payload that is not as it should be, and which clients got it nevertheless.
#[derive(Deserialize)]
pub struct Odd {
    pub name: String,
    pub payload: String,
    pub received: Vec<String>,
}

#[derive(Deserialize)]
struct Recording {
    published: Vec<Published>,
    odd: Vec<Odd>,
}

fn recording() -> Recording {
    serde_json::from_str(include_str!("recorded.json")).expect("the recording can be read")
}

pub fn payloads() -> Vec<Bytes> {
    let published = recording().published;
    published.iter().map(|it| bytes(&it.payload)).collect()
}

pub fn odd() -> Vec<Odd> {
    recording().odd
}

#[test]
fn every_recorded_payload_is_read_and_written_as_the_reference_does() {
    let published = recording().published;
    assert!(published.len() > 70, "the recording is not complete");
    for it in &published {
        let channels = Channels::new(&it.hub, "own_1".into());
        let name = format!("{}:{}", it.hub, it.channel);
        match channels.parse(&name) {
            Some(Channel::Groups) => group_command(it),
            Some(Channel::Ack) => ack(it),
            Some(Channel::Return) => {
                assert!(channels.is_return_channel(&name));
                completion(it);
            }
            Some(_) => invocation(it),
            None => panic!("{}: an unknown channel {name}", it.name),
        }
    }
}

fn invocation(it: &Published) {
    let payload = bytes(&it.payload);
    let read = Invocation::decode(&payload).unwrap_or_else(|error| panic!("{}: {error}", it.name));
    let excluded: Vec<_> = read.excluded.iter().map(|id| id.as_str()).collect();
    assert_eq!(excluded, it.excluded, "{}", it.name);
    let protocols: Vec<_> = read.message.protocols().map(Protocol::name).collect();
    assert_eq!(protocols, it.protocols, "{}", it.name);
    let request = read.request.as_ref();
    assert_eq!(request.map(|r| &r.invocation_id), it.invocation_id.as_ref());
    assert_eq!(
        request.map(|r| &r.return_channel),
        it.return_channel.as_ref()
    );
    assert_eq!(read.origin, None, "{}", it.name);
    let excluded = excluded.into_iter();
    let written = Invocation::encode(excluded, &read.message, request, "own_1").seal(1);
    // Ours has five elements; the first ones are the reference's, byte for byte.
    assert_eq!(written[0], 0x95);
    assert_eq!(written[1..payload.len()], payload[1..], "{}", it.name);
}

fn group_command(it: &Published) {
    let payload = bytes(&it.payload);
    let read = GroupCommand::decode(&payload).expect(&it.name);
    let expected = GroupCommand {
        id: it.id.expect("an id"),
        server: it.server.clone().expect("a server"),
        action: match it.action {
            Some(1) => GroupAction::Add,
            Some(2) => GroupAction::Remove,
            other => panic!("{}: action {other:?}", it.name),
        },
        group: it.group.clone().expect("a group"),
        connection: it.connection.clone().expect("a connection"),
    };
    assert_eq!(read, expected);
    assert_eq!(read.encode(), payload, "{}", it.name);
}

fn ack(it: &Published) {
    let payload = bytes(&it.payload);
    let read = Ack::decode(&payload).expect(&it.name);
    assert_eq!(Some(read.id), it.id);
    assert_eq!(read.encode(), payload);
}

fn completion(it: &Published) {
    let payload = bytes(&it.payload);
    let read = Completion::decode(&payload).expect(&it.name);
    let protocol = read.protocol.expect(&it.name);
    assert_eq!(Some(protocol.name()), it.protocol.as_deref());
    assert_eq!(Completion::encode(protocol, &read.message), payload);
}

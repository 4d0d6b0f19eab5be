//! Payloads that are not as they should be. The reference delivers what it can read; so do we, but
//! never anything that would break a client's stream, and no client is closed for it.

use super::{super::*, bytes, recorded};
use crate::signalr::protocol::Protocol;

#[test]
fn what_the_reference_delivers_can_be_read_and_nothing_else() {
    for odd in recorded::odd() {
        let read = Invocation::decode(&bytes(&odd.payload));
        let protocols: Vec<_> = read
            .iter()
            .flat_map(|invocation| invocation.message.protocols().map(Protocol::name))
            .collect();
        // The reference passes on a ping as it is, and knows nothing of whom all were excluded.
        if ["invocation.ping-inside", "invocation.excludes-all"].contains(&&*odd.name) {
            assert!(read.is_ok(), "{}", odd.name);
            continue;
        }
        assert_eq!(protocols, odd.received, "{}", odd.name);
    }
}

#[test]
fn a_body_that_is_not_one_framed_message_is_left_away() {
    let good = |name: &[u8], body: &[u8]| {
        let mut pair = vec![0xa0 | name.len() as u8];
        pair.extend_from_slice(name);
        pair.extend_from_slice(&[0xc4, body.len() as u8]);
        pair.extend_from_slice(body);
        pair
    };
    let ping = b"{\"type\":6}\x1e";
    for (json, malformed) in [
        (ping.to_vec(), 0),
        (b"{\"type\":6}".to_vec(), 1),
        ([&ping[..], ping].concat(), 1),
        (Vec::new(), 0),
    ] {
        let payload = [
            vec![0x92, 0x90, 0x82],
            good(b"json", &json),
            good(b"messagepack", &[2, 0x91, 6]),
        ];
        let read = Invocation::decode(&payload.concat().into()).unwrap();
        assert_eq!(read.malformed_bodies, malformed);
        assert!(read.message.messagepack.is_some());
        assert_eq!(read.message.json.is_some(), json == ping);
    }
}

#[test]
fn commands_acks_and_completions_are_refused_with_the_references_words() {
    let error = GroupCommand::decode(&bytes("9405a6746f6f6c5f3101a26e67")).unwrap_err();
    assert_eq!(
        error.to_string(),
        "Insufficient items in GroupCommand array."
    );
    assert_eq!(Ack::decode(&bytes("90")), Err(WireError::TooShort("Ack")));
    assert_eq!(
        Completion::decode(&bytes("91a46a736f6e")),
        Err(WireError::TooShort("CompletionMessage"))
    );
    for refused in ["", "c1", "ffffffff", "92a46a736f6ea161"] {
        assert!(Completion::decode(&bytes(refused)).is_err(), "{refused}");
        assert!(Ack::decode(&bytes(refused)).is_err(), "{refused}");
        assert!(GroupCommand::decode(&bytes(refused)).is_err(), "{refused}");
    }
}

#[test]
fn numbers_may_be_written_in_any_width_and_elements_may_follow() {
    for (hex, id) in [
        ("91ce0000000f", 15),
        ("91d30000000000000011", 17),
        ("930aa178c0", 10),
        ("91ff", -1),
        ("91d280000000", i32::MIN),
    ] {
        assert_eq!(Ack::decode(&bytes(hex)), Ok(Ack { id }), "{hex}");
    }
    let beyond = Ack::decode(&bytes("91ce80000000"));
    assert_eq!(beyond, Err(WireError::Unreadable("id")));
}

#[test]
fn nil_counts_as_an_empty_name_and_an_unknown_action_is_kept() {
    let read = GroupCommand::decode(&bytes("950dc003c0c0")).unwrap();
    assert_eq!(read.action, GroupAction::Unknown(3));
    assert_eq!(
        (&*read.server, &*read.group, &*read.connection),
        ("", "", "")
    );
}

#[test]
fn an_unknown_protocol_of_a_completion_is_said_so() {
    let read = Completion::decode(&bytes("92a44a534f4ec4022a2a")).unwrap();
    assert_eq!(read.protocol, None);
}

#[test]
fn what_follows_the_fourth_element_is_ours_or_ignored() {
    let body = "a46a736f6ec40b7b2274797065223a367d1e";
    let origin = |tail: &str| {
        let read = Invocation::decode(&bytes(&format!("959081{body}c0c0{tail}"))).unwrap();
        assert!(read.message.json.is_some());
        read.origin
    };
    assert_eq!(origin("82a16fa472732d31a16e07"), Some(("rs-1".into(), 7)));
    assert_eq!(
        origin("83a16fa472732d31a17892c0c0a16e07"),
        Some(("rs-1".into(), 7))
    );
    for foreign in [
        "07",
        "c0",
        "80",
        "a46d6f7265",
        "82a16f07a16e07",
        "82a16fa472",
    ] {
        assert_eq!(origin(foreign), None, "{foreign}");
    }
}

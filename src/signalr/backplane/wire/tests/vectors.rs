//! Payloads computed by hand, and names.

use super::{super::*, bytes};

#[test]
fn acks() {
    for (id, hex) in [
        (0, "9100"),
        (42, "912a"),
        (180, "91ccb4"),
        (384, "91cd0180"),
        (70_000, "91ce00011170"),
        (-1, "91ff"),
        (i32::MIN, "91d280000000"),
    ] {
        assert_eq!(Ack { id }.encode(), bytes(hex));
    }
}

#[test]
fn group_commands() {
    let command = |action| GroupCommand {
        id: 42,
        server: "S".into(),
        action,
        group: "G".into(),
        connection: "C".into(),
    };
    assert_eq!(
        command(GroupAction::Add).encode(),
        bytes("952aa15301a147a143")
    );
    assert_eq!(
        command(GroupAction::Remove).encode(),
        bytes("952aa15302a147a143")
    );
}

#[test]
fn sixteen_exclusions_need_a_longer_header() {
    let message = SerializedMessage {
        json: Some(Bytes::from_static(b"{}\x1e")),
        messagepack: Some(Bytes::from_static(&[1, 0x90])),
    };
    let written = Invocation::encode(["c"; 16].into_iter(), &message, None, "rs-1").seal(7);
    assert_eq!(written[..4], [0x95, 0xdc, 0x00, 0x10]);
    assert_eq!(
        written[written.len() - 11..],
        bytes("82a16fa472732d31a16e07")
    );
    let read = Invocation::decode(&written).unwrap();
    assert!(read.is_from("rs-1") && !read.is_from("rs-2"));
    assert_eq!(read.message, message);
}

#[test]
fn channels_are_named_to_the_letter() {
    let channels = Channels::new("Ns.Outer+ChatHub", "web1_ab".into());
    assert_eq!(channels.all(), "Ns.Outer+ChatHub:all");
    assert_eq!(channels.groups(), "Ns.Outer+ChatHub:internal:groups");
    assert_eq!(channels.ack("x"), "Ns.Outer+ChatHub:internal:ack:x");
    assert_eq!(
        channels.return_channel(),
        "Ns.Outer+ChatHub:internal:return:web1_ab"
    );
    for name in ["", "*", "a:b", "a b", "{x}", "漢🚀", "all"] {
        let (group, user) = (channels.group(name), channels.user(name));
        assert_eq!(group, format!("Ns.Outer+ChatHub:group:{name}"));
        assert_eq!(channels.parse(&group), Some(Channel::Group(name)));
        assert_eq!(channels.parse(&user), Some(Channel::User(name)));
        let connection = channels.connection(name);
        assert_eq!(channels.parse(&connection), Some(Channel::Connection(name)));
    }
    assert_eq!(channels.parse(&channels.all()), Some(Channel::All));
    assert_eq!(channels.parse("Other:all"), None);
    assert_eq!(channels.parse("Ns.Outer+ChatHub:internal:else"), None);
}

#[test]
fn answers_go_only_to_return_channels_of_the_own_hub() {
    let channels = Channels::new("A.Hub", "web1_ab".into());
    assert!(channels.is_return_channel("A.Hub:internal:return:web2_cd"));
    for other in [
        "",
        "any:where",
        "A.Hub:all",
        "A.Hub:internal:return:",
        "B.Hub:internal:return:x",
    ] {
        assert!(!channels.is_return_channel(other), "{other}");
    }
}

#[test]
fn names_look_like_the_references() {
    let name = server_name();
    let (host, unique) = name.rsplit_once('_').unwrap();
    assert!(!host.is_empty() && unique.len() == 32);
    assert!(
        unique
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    );
    let id = invocation_id();
    assert_eq!(id.len(), 22);
    assert_ne!(id, invocation_id());
}

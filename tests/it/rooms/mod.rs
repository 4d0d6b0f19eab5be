//! Who may import whom: `docs/architecture.md` draws the arrows, here they are kept. Read from the
//! paths in the source; nothing is started.

mod paths;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

use paths::{is_within, paths, sources, without_comments};

/// Each room and what it may name, top down: nothing names a room above its own.
const ROOMS: [(&str, &[&str]); 20] = [
    (
        "cli",
        &[
            "app",
            "hubs",
            "trading",
            "auth",
            "redis",
            "settings",
            "telemetry",
        ],
    ),
    (
        "app",
        &[
            "api",
            "hubs",
            "console",
            "auth",
            "trading",
            "chat",
            "eventlog",
            "problem",
            "redis",
            "settings",
            "telemetry",
            "signalr",
        ],
    ),
    (
        "api",
        &[
            "auth",
            "trading",
            "problem",
            "redis",
            "telemetry",
            "signalr",
        ],
    ),
    (
        "hubs",
        &[
            "trading",
            "chat",
            "eventlog",
            "problem",
            "signalr::hub",
            "signalr::protocol",
        ],
    ),
    ("console", &[]),
    (
        "auth",
        &[
            "problem",
            "redis",
            "settings",
            "signalr::transport",
            "signalr::hub",
            "signalr::connection",
        ],
    ),
    ("telemetry", &["settings"]),
    (
        "trading",
        &[
            "chat",
            "eventlog",
            "problem",
            "redis",
            "signalr::hub",
            "signalr::protocol",
        ],
    ),
    ("chat", &["eventlog", "problem", "redis"]),
    ("eventlog", &["redis"]),
    ("problem", &["signalr::hub"]),
    (
        "signalr::transport",
        &[
            "signalr::hub",
            "signalr::lifetime",
            "signalr::fleet",
            "signalr::connection",
            "signalr::protocol",
            "redis",
        ],
    ),
    (
        "signalr::hub",
        &[
            "signalr::lifetime",
            "signalr::backplane",
            "signalr::connection",
            "signalr::protocol",
        ],
    ),
    (
        "signalr::lifetime",
        &[
            "signalr::backplane",
            "signalr::connection",
            "signalr::protocol",
        ],
    ),
    (
        "signalr::backplane",
        &["signalr::connection", "signalr::protocol", "redis"],
    ),
    ("signalr::fleet", &["redis"]),
    ("signalr::connection", &["signalr::protocol"]),
    ("signalr::protocol", &[]),
    ("redis", &[]),
    ("settings", &[]),
];

#[test]
fn imports_point_one_way() {
    let (mut wrong, mut seen) = (Vec::new(), BTreeSet::new());
    for (file, module) in sources() {
        let text = fs::read_to_string(&file).expect("is text");
        let Some((room, allowed)) = ROOMS.iter().find(|(room, _)| is_within(&module, room)) else {
            continue;
        };
        seen.insert(*room);
        for path in paths(&without_comments(&text), &module) {
            let named = ROOMS.iter().find(|(named, _)| is_within(&path, named));
            let Some((named, _)) = named.filter(|(named, _)| named != room) else {
                continue;
            };
            if !allowed.iter().any(|allowed| is_within(named, allowed)) {
                wrong.push(format!("{file}: `{room}` names `{path}`"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(seen.len(), ROOMS.len(), "only these rooms exist: {seen:?}");
}

/// A room that is named by nobody's rule, or may name one above it, makes the rules wrong.
#[test]
fn no_arrow_points_up() {
    let height: BTreeMap<_, _> = ROOMS
        .iter()
        .enumerate()
        .map(|(at, (room, _))| (*room, at))
        .collect();
    for (room, allowed) in ROOMS {
        for below in allowed {
            let first = height.iter().filter(|(named, _)| is_within(named, below));
            let first = first.map(|(_, at)| *at).min();
            assert!(first > Some(height[room]), "{room} -> {below}");
        }
    }
}

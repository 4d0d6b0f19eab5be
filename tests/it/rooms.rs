//! Who may import whom: `docs/architecture.md` draws the arrows, here they are kept. Read from the
//! paths in the source; nothing is started.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

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

/// `signalr::hub::context` is within `signalr::hub` and within `signalr`.
fn is_within(path: &str, room: &str) -> bool {
    let rest = path.strip_prefix(room);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

/// Every file of the library with its module, as `signalr::hub::context`.
fn sources() -> Vec<(String, String)> {
    fn visit(folder: &Path, module: &str, found: &mut Vec<(String, String)>) {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("can be read").path();
            let name = path
                .file_stem()
                .and_then(|name| name.to_str())
                .expect("a name");
            let inner = match (module, name) {
                (outer, "mod") => outer.to_owned(),
                ("", name) => name.to_owned(),
                (outer, name) => format!("{outer}::{name}"),
            };
            if path.is_dir() {
                visit(&path, &inner, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push((path.display().to_string(), inner));
            }
        }
    }
    let mut found = Vec::new();
    visit(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join("src"),
        "",
        &mut found,
    );
    found
}

fn without_comments(text: &str) -> String {
    let lines = text
        .lines()
        .map(|line| line.split("//").next().unwrap_or_default());
    lines.collect::<Vec<_>>().join("\n")
}

/// What `text` names of this crate, from its root: what follows `crate::` and `super::`.
fn paths(text: &str, module: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (at, word) in ["crate::", "super::"]
        .iter()
        .flat_map(|word| text.match_indices(word))
    {
        if text[..at].ends_with("super::")
            || text[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_')
        {
            continue;
        }
        let mut rest = &text[at + word.len()..];
        let mut base: Vec<&str> = match word {
            "crate::" => Vec::new(),
            _ => module
                .rsplit_once("::")
                .map_or(Vec::new(), |(outer, _)| outer.split("::").collect()),
        };
        while let Some(further) = rest.strip_prefix("super::") {
            base.pop();
            rest = further;
        }
        expand(rest, &base.join("::"), &mut found);
    }
    found
}

/// Reads one path, or a list of them in braces; gives what follows.
fn expand<'a>(text: &'a str, base: &str, found: &mut Vec<String>) -> &'a str {
    let text = text.trim_start();
    if let Some(mut rest) = text.strip_prefix('{') {
        loop {
            rest = rest.trim_start_matches(|c: char| c.is_whitespace() || c == ',');
            if let Some(rest) = rest.strip_prefix('}') {
                return rest;
            }
            let before = rest.len();
            rest = expand(rest, base, found);
            if rest.len() == before {
                return rest;
            }
        }
    }
    let end = text
        .find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '*'))
        .unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    let path = match base {
        "" => name.to_owned(),
        base => format!("{base}::{name}"),
    };
    match rest.strip_prefix("::") {
        Some(rest) => expand(rest, &path, found),
        None => {
            found.push(path);
            rest
        }
    }
}

#[test]
fn paths_are_read_as_the_compiler_does() {
    let text = "use crate::{a, b::{c, self}, e};\nuse super::super::{f::g};\nlet x = super::h(crate::i::J);";
    let mut found = paths(text, "x::y::z");
    found.sort();
    assert_eq!(
        found,
        ["a", "b::c", "b::self", "e", "i::J", "x::f::g", "x::y::h"]
    );
}

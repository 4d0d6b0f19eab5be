//! The paths that source code names, read as the compiler does.

use std::{fs, path::Path};

/// `signalr::hub::context` is within `signalr::hub` and within `signalr`.
pub fn is_within(path: &str, room: &str) -> bool {
    let rest = path.strip_prefix(room);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

/// Every file of the library with its module, as `signalr::hub::context`.
pub fn sources() -> Vec<(String, String)> {
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

/// What is left of a text without its comments.
pub fn without_comments(text: &str) -> String {
    let lines = text
        .lines()
        .map(|line| line.split("//").next().unwrap_or_default());
    lines.collect::<Vec<_>>().join("\n")
}

/// What `text` names of this crate, from its root: what follows `crate::` and `super::`.
pub fn paths(text: &str, module: &str) -> Vec<String> {
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

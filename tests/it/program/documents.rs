//! The documents name files, link to pages and name tests; all of them are there.

use std::path::{Path, PathBuf};

const FOLDERS: [&str; 11] = [
    "src/",
    "tests/",
    "docs/",
    "config/",
    "examples/",
    "deploy/",
    "scripts/",
    "web/",
    "bench/",
    "benches/",
    "fuzz/",
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every page for people, with its text.
fn documents() -> Vec<(PathBuf, String)> {
    let mut paths = vec![root().join("README.md")];
    for folder in [
        "docs",
        "tests",
        "tests/conformance",
        "tests/interop",
        "tests/faults",
    ] {
        let entries = std::fs::read_dir(root().join(folder)).expect("is a folder");
        let files = entries.map(|entry| entry.expect("can be read").path());
        paths.extend(files.filter(|path| path.extension().is_some_and(|it| it == "md")));
    }
    assert!(paths.len() > 8, "{paths:?}");
    let read = |path: PathBuf| {
        let text = std::fs::read_to_string(&path).expect("is text");
        (path, text)
    };
    paths.into_iter().map(read).collect()
}

#[test]
fn every_file_that_the_documents_name_exists() {
    let mut named = 0;
    for (document, text) in documents() {
        let words = text.split(['`', '(', ')', '[', ']', ' ', '\n', '#']);
        let paths = words.filter(|word| FOLDERS.iter().any(|folder| word.starts_with(folder)));
        for path in paths.map(|word| word.trim_end_matches([',', '.', ';', ':'])) {
            // `{Environment}` and `*` stand for several files, what is built is there later.
            let is_built = path.starts_with("web/dist") || path.contains("/target/");
            if path.contains(['{', '*', '…']) || is_built {
                continue;
            }
            let beside = document.parent().expect("is in a folder").join(path);
            let exists = root().join(path).exists() || beside.exists();
            assert!(exists, "{document:?} names {path}, which is not there");
            named += 1;
        }
    }
    assert!(named > 100, "{named}");
}

#[test]
fn every_link_of_the_documents_leads_somewhere() {
    let mut followed = 0;
    for (document, text) in documents() {
        let folder = document.parent().expect("is in a folder");
        let links = text.split("](").skip(1);
        for link in links
            .filter_map(|rest| rest.split_once(')'))
            .map(|(link, _)| link)
        {
            if link.contains("://") {
                continue;
            }
            let (path, heading) = link.split_once('#').unwrap_or((link, ""));
            let target = match path {
                "" => document.clone(),
                path => folder.join(path),
            };
            assert!(target.exists(), "{document:?} links to {link}");
            if !heading.is_empty() {
                let text = std::fs::read_to_string(&target).expect("is text");
                let headings: Vec<_> = text.lines().filter_map(anchor).collect();
                let is_there = headings.iter().any(|it| it == heading);
                assert!(
                    is_there,
                    "{document:?} links to {link}, not in {headings:?}"
                );
            }
            followed += 1;
        }
    }
    assert!(followed > 20, "{followed}");
}

/// What a heading is called in links, as GitHub does.
fn anchor(line: &str) -> Option<String> {
    let heading = line.strip_prefix('#')?.trim_start_matches('#');
    let kept = heading.trim().to_lowercase();
    let kept = kept.replace(' ', "-");
    let is_kept = |c: &char| c.is_alphanumeric() || matches!(c, '-' | '_');
    Some(kept.chars().filter(is_kept).collect())
}

#[test]
fn every_test_that_the_contract_names_exists() {
    let root = root();
    let mut code = String::new();
    for folder in ["src", "tests/it"] {
        read_code(&root.join(folder), &mut code);
    }
    let text = std::fs::read_to_string(root.join("docs/contract-coverage.md"));
    let text = text.expect("the document is there");
    let quoted = text.split('`').skip(1).step_by(2);
    let is_name = |word: &&str| {
        word.contains('_')
            && word
                .chars()
                .all(|c| c.is_ascii_lowercase() || c == '_' || c.is_ascii_digit())
    };
    // Error codes look like names, but are short.
    let names: Vec<&str> = quoted
        .filter(is_name)
        .filter(|name| name.len() > 24)
        .collect();
    assert!(names.len() > 30, "{names:?}");
    for name in names {
        let is_there = code.contains(&format!("fn {name}("));
        assert!(is_there, "there is no test {name}");
    }
}

fn read_code(folder: &Path, code: &mut String) {
    for entry in std::fs::read_dir(folder).expect("is a folder") {
        let path = entry.expect("can be read").path();
        if path.is_dir() {
            read_code(&path, code);
        } else if path.extension().is_some_and(|it| it == "rs") {
            code.push_str(&std::fs::read_to_string(&path).expect("is text"));
        }
    }
}

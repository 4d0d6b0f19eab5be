//! The documents name files; the files are there.

use std::path::Path;

#[test]
fn every_file_that_the_documents_name_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for document in [
        "README.md",
        "docs/architecture.md",
        "docs/contract-coverage.md",
    ] {
        let text = std::fs::read_to_string(root.join(document)).expect("the document is there");
        let named = text
            .split(['`', '(', ')', '[', ']', ' ', '\n'])
            .filter(|word| {
                ["src/", "tests/", "docs/", "config/", "examples/"]
                    .iter()
                    .any(|folder| word.starts_with(folder))
            });
        for path in named.map(|word| word.trim_end_matches([',', '.', ';', ':'])) {
            // `{Environment}` stands for several files.
            let exists = path.contains('{') || root.join(path).exists();
            assert!(exists, "{document} names {path}, which is not there");
        }
    }
}

#[test]
fn every_test_that_the_contract_names_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
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

//! The documents name files; the files are there.

use std::path::Path;

#[test]
fn every_file_that_the_documents_name_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for document in ["README.md", "docs/architecture.md"] {
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

//! API keys: for HTTP, never for hubs.

use super::*;
use crate::program::process::run;

#[tokio::test]
async fn a_key_of_gen_token_reports_over_http_and_opens_no_hub() {
    let (printed, succeeded) = run(
        &["gen-token", "desk", "--roles", "worker", "--api-key"],
        &[],
    );
    assert!(succeeded, "{printed}");
    let words: Vec<&str> = printed.split([' ', '\n', '"', '=', ',']).collect();
    let hash = words.iter().find(|word| word.starts_with("sha256:"));
    let hash = *hash.unwrap_or_else(|| panic!("a hash in {printed}"));
    let key = key_of(&printed, hash);
    let program = Program::start(&[
        ("ConnectionStrings__Redis", ""),
        ("Authentication__Jwt__Secret", SECRET),
        ("Authentication__ApiKeys__0__Name", "desk"),
        ("Authentication__ApiKeys__0__Hash", hash),
        ("Authentication__ApiKeys__0__Roles", "worker"),
    ]);
    let report = async |key: &str| {
        let headers = [JSON, ("X-Api-Key", key)];
        ask(&program, "POST", "/api/v1/bots/b/events", &headers, "[]")
            .await
            .status()
    };
    assert_eq!(report(&key).await, 202);
    for wrong in ["", "x", hash, &hash[7..], &key.to_uppercase(), &key[1..]] {
        assert_eq!(report(wrong).await, 401, "{wrong}");
    }
    let headers = [("X-Api-Key", key.as_str())];
    let list = ask(&program, "GET", "/api/v1/bots", &headers, "").await;
    assert_eq!(list.refusal(), (403, "forbidden"));
    let negotiate = "/bothub/negotiate?negotiateVersion=1";
    assert_eq!(
        ask(&program, "POST", negotiate, &headers, "")
            .await
            .status(),
        401
    );
    // A good key beside a bad token: the key says who it is, as the more deliberate one.
    let headers = [
        JSON,
        ("X-Api-Key", key.as_str()),
        ("Authorization", "Bearer x"),
    ];
    let answer = ask(&program, "POST", "/api/v1/bots/b/events", &headers, "[]").await;
    assert_eq!(answer.status(), 202);
    let log = program.stop();
    assert!(!log.contains(&key), "the key is in the log");
}

/// The printed word whose SHA-256 is the hash.
fn key_of(printed: &str, hash: &str) -> String {
    use sha2::{Digest, Sha256};
    let words = printed.split(|c: char| c.is_whitespace() || "\"=,:".contains(c));
    let mut hashed = words.map(|word| {
        let digest = Sha256::digest(word.as_bytes());
        let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        (word, format!("sha256:{hex}"))
    });
    let found = hashed.find(|(_, of_word)| of_word == hash);
    found.expect("the key is printed").0.to_owned()
}

//! `/openapi.json` describes what the server answers.

use std::collections::BTreeSet;

use super::*;

async fn document(program: &Program) -> Value {
    let answer = ask(program, "GET", "/openapi.json", &[], "").await;
    assert_eq!(answer.status(), 200);
    answer.body
}

#[tokio::test]
async fn every_operation_is_described_with_a_name_of_its_own_and_all_its_parameters() {
    let program = Program::start(&OPEN);
    let document = document(&program).await;
    assert_eq!(document["openapi"], "3.1.0");
    let mut names = BTreeSet::new();
    let paths = document["paths"].as_object().expect("has paths");
    for (path, item) in paths {
        for (method, operation) in item.as_object().expect("has operations") {
            let name = operation["operationId"].as_str().expect("has a name");
            assert!(names.insert(name.to_owned()), "{name} is there twice");
            let empty = Vec::new();
            let parameters = operation["parameters"].as_array().unwrap_or(&empty);
            let described: BTreeSet<_> = parameters
                .iter()
                .filter(|parameter| parameter["in"] == "path")
                .filter_map(|parameter| parameter["name"].as_str())
                .collect();
            let in_path: BTreeSet<_> = path.split(['{', '}']).skip(1).step_by(2).collect();
            assert_eq!(described, in_path, "{method} {path}");
            let body = ["post"].contains(&method.as_str()) && !path.contains(":close");
            assert_eq!(
                operation["requestBody"].is_object(),
                body,
                "{method} {path}"
            );
        }
    }
    for (path, method) in [
        ("/health/live", "get"),
        ("/health/ready", "get"),
        ("/metrics", "get"),
        ("/openapi.json", "get"),
        ("/api/v1/bots", "get"),
        ("/api/v1/bots/{id}", "delete"),
        ("/api/v1/bots/{id}/events", "post"),
        ("/api/v1/backtests/{id}/events", "post"),
        ("/api/hubs/{hub}/:send", "post"),
        ("/api/hubs/{hub}/users/{user}/groups/{group}", "put"),
    ] {
        assert!(paths[path][method].is_object(), "{method} {path}");
    }
}

#[tokio::test]
async fn every_reference_leads_somewhere() {
    let program = Program::start(&OPEN);
    let document = document(&program).await;
    let text = document.to_string();
    let references = text.split("\"$ref\":\"#").skip(1);
    let mut count = 0;
    for reference in references.filter_map(|rest| rest.split('"').next()) {
        assert!(document.pointer(reference).is_some(), "{reference}");
        count += 1;
    }
    assert!(count > 50, "{count} references");
}

#[tokio::test]
async fn what_is_not_described_is_refused_with_a_problem() {
    let program = Program::start(&OPEN);
    for (method, path, refusal, allow) in [
        (
            "POST",
            "/health/live",
            (405, "method_not_allowed"),
            Some("GET, HEAD"),
        ),
        (
            "DELETE",
            "/metrics",
            (405, "method_not_allowed"),
            Some("GET"),
        ),
        (
            "PUT",
            "/openapi.json",
            (405, "method_not_allowed"),
            Some("GET"),
        ),
        (
            "POST",
            "/api/v1/bots",
            (405, "method_not_allowed"),
            Some("GET"),
        ),
        (
            "POST",
            "/api/v1/bots/b",
            (405, "method_not_allowed"),
            Some("GET, DELETE"),
        ),
        ("GET", "/api/v1/nothing", (404, "not_found"), None),
        ("GET", "/api/", (404, "not_found"), None),
        ("GET", "/nothing", (404, "not_found"), None),
        ("POST", "/bothubs/negotiate", (404, "not_found"), None),
        ("GET", "/api/v1/bots/b/c/d", (404, "not_found"), None),
    ] {
        let answer = ask(&program, method, path, &[], "").await;
        assert_eq!(answer.refusal(), refusal, "{method} {path}");
        let media_type = answer.head.header("content-type");
        assert_eq!(media_type.as_deref(), Some("application/problem+json"));
        assert_eq!(
            answer.head.header("allow").as_deref(),
            allow,
            "{method} {path}"
        );
    }
}

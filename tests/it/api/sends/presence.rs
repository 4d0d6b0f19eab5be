//! Who is there, who is in which group, and being closed.

use super::*;

#[tokio::test]
async fn existence_and_membership_can_be_asked_and_changed() {
    let program = Program::start(&OPEN);
    let (id, _ann) = with_id(&program, "bothub", "user=ann").await;
    let absent = [
        (
            "bothub/connections/x".to_owned(),
            "Warning.Connection.NotExisted",
        ),
        ("bothub/users/bob".to_owned(), "Warning.User.NotExisted"),
        ("bothub/groups/g".to_owned(), "Warning.Group.NotExisted"),
        (
            "bothub/users/ann/groups/g".to_owned(),
            "Info.User.NotInGroup",
        ),
        (
            "backtesthub/users/ann".to_owned(),
            "Warning.User.NotExisted",
        ),
        (
            format!("llmhub/connections/{id}"),
            "Warning.Connection.NotExisted",
        ),
    ];
    for (path, code) in &absent {
        for method in ["HEAD", "GET"] {
            let answer = ask(&program, method, &format!("/api/hubs/{path}"), &[], "").await;
            let told = answer.head.header("x-ms-error-code");
            assert_eq!(
                (answer.status(), told.as_deref()),
                (404, Some(*code)),
                "{path}"
            );
        }
    }
    let connection = format!("bothub/connections/{id}");
    let membership = format!("bothub/groups/g/connections/{id}");
    let steps = [
        ("HEAD", connection.as_str(), 200),
        ("HEAD", "bothub/users/ann", 200),
        ("PUT", membership.as_str(), 200),
        ("PUT", "bothub/groups/g/connections/x", 404),
        ("DELETE", "bothub/groups/g/connections/x", 404),
        ("HEAD", "bothub/groups/g", 200),
        ("HEAD", "bothub/users/ann/groups/g", 200),
        ("GET", "bothub/users/ann/groups/g", 200),
        ("DELETE", membership.as_str(), 200),
        ("HEAD", "bothub/groups/g", 404),
        ("PUT", "bothub/users/ann/groups/g", 200),
        ("PUT", "bothub/users/ann/groups/h", 200),
        ("PUT", "bothub/users/nobody/groups/h", 200),
        ("HEAD", "bothub/groups/g", 200),
        ("DELETE", "bothub/users/ann/groups/g", 204),
        ("HEAD", "bothub/users/ann/groups/g", 404),
        ("HEAD", "bothub/users/ann/groups/h", 200),
        ("DELETE", "bothub/users/ann/groups", 204),
        ("HEAD", "bothub/groups/h", 404),
        ("PUT", membership.as_str(), 200),
        ("DELETE", "bothub/connections/x/groups", 200),
        // What is not kept for connections to come is not promised.
        ("PUT", "bothub/users/ann/groups/i?ttl=60", 400),
        ("HEAD", "bothub/users/ann/groups/i", 404),
        ("PUT", "bothub/users/ann/groups/i?ttl=0", 200),
        ("HEAD", "bothub/users/ann/groups/i", 200),
        ("HEAD", "bothub/groups/g", 200),
    ];
    for (method, path, expected) in steps {
        let answered = status(&program, method, path).await;
        assert_eq!(answered, expected, "{method} {path}");
    }
    let groups = format!("bothub/connections/{id}/groups");
    assert_eq!(status(&program, "DELETE", &groups).await, 200);
    assert_eq!(status(&program, "HEAD", "bothub/groups/g").await, 404);
}

#[tokio::test]
async fn connections_are_closed_with_a_reason() {
    let program = Program::start(&OPEN);
    let (ann_id, mut ann) = with_id(&program, "bothub", "user=ann").await;
    let (bob_id, mut bob) = with_id(&program, "bothub", "user=bob").await;
    let (carl_id, mut carl) = with_id(&program, "bothub", "user=carl").await;
    let (_, mut dora) = with_id(&program, "bothub", "user=dora").await;

    let path = format!("bothub/connections/{ann_id}?reason=too%20loud");
    assert_eq!(status(&program, "DELETE", &path).await, 200);
    assert_eq!(ann.closed().await.0.as_deref(), Some("too loud"));
    assert_eq!(
        status(&program, "DELETE", "bothub/connections/x").await,
        404
    );

    let path = "bothub/users/bob/:closeConnections";
    assert_eq!(status(&program, "POST", path).await, 204);
    assert_eq!(bob.closed().await.0, None);
    assert_eq!(status(&program, "POST", path).await, 204);

    let path = format!("bothub/groups/g/connections/{carl_id}");
    assert_eq!(status(&program, "PUT", &path).await, 200);
    let path = format!("bothub/groups/g/:closeConnections?excluded={carl_id}");
    assert_eq!(status(&program, "POST", &path).await, 204);
    let path = format!("bothub/:closeConnections?excluded={carl_id}&excluded={bob_id}&reason=x");
    assert_eq!(status(&program, "POST", &path).await, 204);
    assert_eq!(dora.closed().await.0.as_deref(), Some("x"));
    send(&program, "bothub/groups/g/:send", "End").await;
    assert_eq!(all_until_end(&mut carl).await, Vec::<String>::new());
    let path = "bothub/groups/g/:closeConnections";
    assert_eq!(status(&program, "POST", path).await, 204);
    carl.closed().await;
}

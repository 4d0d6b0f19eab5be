//! A server that is asked to stop: what its clients see.

use serde_json::json;

use crate::support::{
    hub_client::{HubClient, Received},
    server::Server,
    turn,
};

#[tokio::test]
async fn a_call_under_way_is_answered_before_its_client_is_moved() {
    let _turn = turn::beside_others();
    let server = Server::with(&[]);
    let mut idle = HubClient::connect(server.address(), "").await;
    let mut calling = HubClient::connect(server.address(), "tag=calling").await;
    let call = json!({"type": 1, "invocationId": "slow", "target": "Delay", "arguments": [1000]});
    calling.send_message(&call).await;
    // The server reads in order: once this streaming call is answered, the slow one has begun.
    let stream =
        json!({"type": 4, "invocationId": "one", "target": "Counter", "arguments": [0, 0]});
    calling.send_message(&stream).await;
    assert_eq!(message(&mut calling).await["invocationId"], "one");

    server.terminate();
    let moved = json!({"type": 7, "allowReconnect": true});
    assert_eq!(message(&mut idle).await, moved);
    let answer = message(&mut calling).await;
    assert_eq!(
        (&answer["invocationId"], &answer["result"]),
        (&json!("slow"), &json!(1000))
    );
    assert_eq!(message(&mut calling).await, moved);
}

async fn message(client: &mut HubClient) -> serde_json::Value {
    match client.next().await {
        Received::Message(value) => value,
        Received::Closed { code } => panic!("closed with {code}"),
    }
}

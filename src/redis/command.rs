//! One command over one connection.

use bytes::Bytes;
use fred::{
    interfaces::ClientLike as _,
    types::{ClusterHash, CustomCommand},
    util::redis_keyslot,
};

use super::{RedisError, Value, connection::Connection};

/// Sends one command over `connection` and waits for the answer or the connection's end.
pub(super) async fn send(
    connection: &Connection,
    name: &'static str,
    arguments: Vec<Bytes>,
) -> Result<Value, RedisError> {
    let command = CustomCommand::new_static(name, slot(connection, name, &arguments), false);
    let arguments: Vec<fred::types::Value> = arguments
        .into_iter()
        .map(fred::types::Value::Bytes)
        .collect();
    let answer = connection.client.custom_raw(command, arguments);
    let answer = tokio::select! {
        biased;
        answer = answer => Value::from_frame(answer?),
        () = connection.gone() => Err(RedisError::Interrupted),
    };
    if let Err(RedisError::Refused(text)) = &answer
        && text.starts_with("READONLY")
    {
        // Another server has become the primary; the next attempt finds it.
        connection.fail("is a replica");
    }
    answer
}

/// Which node of a cluster: that of the key. Where the key is not the first argument all keys are
/// the fleet's, which are in one slot; and there the fleet also listens.
fn slot(connection: &Connection, name: &str, arguments: &[Bytes]) -> ClusterHash {
    let key = match name {
        "PUBLISH" | "PUBSUB" => return ClusterHash::Custom(connection.home_slot),
        "EVAL" | "EVALSHA" => arguments.get(2),
        "XREAD" => arguments
            .iter()
            .skip_while(|word| !word.eq_ignore_ascii_case(b"STREAMS"))
            .nth(1),
        _ => None,
    };
    key.map_or(ClusterHash::FirstKey, |key| {
        ClusterHash::Custom(redis_keyslot(key))
    })
}

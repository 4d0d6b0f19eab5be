//! In Redis: its own count of commands, and of bytes sent.

use managing_api::chat::RedisStore;
use managing_api::chat::store::Store;
use managing_api::redis::{Options, RedisService, State};

use super::{Counting, FEW, MANY, User, Work, compare};
use crate::support::{redis::RedisServer, turn};

struct InRedis {
    server: RedisServer,
    store: RedisStore,
}

impl Counting for InRedis {
    fn store(&self) -> &dyn Store {
        &self.store
    }

    /// Without what asks for it and what only keeps a connection alive.
    async fn work(&self) -> Work {
        let lines = self.server.ask(&["INFO commandstats", "INFO stats"]).await;
        let number = |line: &str, name: &str| -> u64 {
            let (_, rest) = line.split_once(name).expect("Redis says so");
            let digits = rest.split(|c: char| !c.is_ascii_digit()).next();
            digits.and_then(|digits| digits.parse().ok()).unwrap_or(0)
        };
        let not_counted = ["info:", "ping:", "quit:"];
        let commands = lines.iter().filter(|line| {
            line.starts_with("cmdstat_") && !not_counted.iter().any(|name| line.contains(name))
        });
        let sent = lines
            .iter()
            .find(|line| line.starts_with("total_net_output_bytes:"));
        Work {
            commands: commands.map(|line| number(line, "calls=")).sum(),
            bytes: number(sent.expect("Redis says so"), "total_net_output_bytes:"),
        }
    }
}

#[tokio::test]
async fn no_operation_asks_more_of_redis_for_a_user_with_many_conversations() {
    let _turn = turn::alone();
    let Some(server) = RedisServer::start(&[]).await else {
        return;
    };
    let redis = RedisService::start(Options::server("127.0.0.1", server.port()));
    let mut states = redis.watch();
    states.wait_for(State::is_up).await.expect("it lives");
    let store = RedisStore::new(redis);
    let redis = InRedis { server, store };
    let few = User::with(&redis.store, "few", FEW).await;
    let many = User::with(&redis.store, "many", MANY).await;
    let (few, many) = (few.costs(&redis).await, many.costs(&redis).await);
    // What is returned is the same. Scripts are loaded at their first use, which is never the later.
    compare(few, many, |few, many| {
        // What Redis answers about itself, before and after, grows a little by itself.
        many.commands <= few.commands && many.bytes <= few.bytes + 500
    });
}

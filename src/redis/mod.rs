//! Redis, as the rest of the program sees it: commands, publish and subscribe, the other instances,
//! and a cache and a limiter that also work without one. The only room that knows fred; it imports nothing of ours.
//!
//! Redis may be absent, late, or die at any time. Nothing here fails for that reason but the single
//! call, at once; the connection comes back by itself, and so do the subscriptions.

mod attempt;
mod cache;
mod client;
mod cluster;
mod command;
mod connection;
mod error;
mod fleets;
mod instances;
mod limiter;
mod link;
mod numbers;
mod options;
mod pub_sub;
mod reason;
mod script;
mod service;
mod state;
mod status;
mod tls;
mod value;

pub use self::{
    cache::{DistributedCache, Expiry, MemoryCache, RedisCache},
    error::RedisError,
    fleets::other_fleets,
    instances::{CallError, Instance, InstanceId, Instances, list_instances},
    limiter::{Decision, Limit, MemoryLimiter, RateLimiter, RedisLimiter},
    numbers::{Counter, Numbers},
    options::{Deployment, Options, Sentinels, Tls},
    pub_sub::{PubSub, Received, Receiver, Subscribed, Subscriber},
    script::Script,
    service::RedisService,
    state::State,
    value::Value,
};

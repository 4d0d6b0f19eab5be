//! `/llmhub` as its clients see it: on one instance, on several over one Redis, over a restart.

mod client;
mod fleet;
mod restart;
mod single;

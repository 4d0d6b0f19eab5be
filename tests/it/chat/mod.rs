//! `/llmhub` as its clients see it: on one instance, on several over one Redis, over a restart.

mod chaos;
mod client;
mod fleet;
mod forgotten;
mod many;
mod models;
mod restart;
mod rules;
mod single;
mod troubles;
mod upstream;

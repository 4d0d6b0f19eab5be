//! The product's hubs, one file each. They are thin: what they do is in `chat` and `trading`.

pub mod backtests;
pub mod bots;
pub mod llm;
mod request;
#[cfg(test)]
mod typescript;

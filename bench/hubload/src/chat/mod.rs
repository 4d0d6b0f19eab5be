//! `chat`: answers of a language model, from a scripted provider through the server to viewers.
//!
//! The provider runs in this process, on a thread of its own, and writes into each token when it was
//! sent. A viewer reads that, so it knows how long the token took through the server.

mod provider;
mod run;
mod said;
mod seat;
mod tab;
mod viewer;

pub use run::{ChatCfg, chat, users};

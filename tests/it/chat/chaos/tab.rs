//! A tab that lives through the death of its instance: it reports that, and is opened again.

use std::collections::VecDeque;

use serde_json::{Value, json};

use crate::chat::client::Instance;
use crate::support::hub_client::{HubClient, Received};

pub struct Tab {
    client: HubClient,
    /// Events that came while an answer was awaited.
    waiting: VecDeque<Value>,
    calls: u64,
}

/// The connection is over.
#[derive(Debug)]
pub struct Gone;

impl Tab {
    pub async fn open(instance: &Instance, user: &str) -> Self {
        Self {
            client: instance.connect(user).await,
            waiting: VecDeque::new(),
            calls: 0,
        }
    }

    /// The completion of a call.
    pub async fn call(&mut self, target: &str, argument: Value) -> Result<Value, Gone> {
        self.calls += 1;
        let id = format!("t{}", self.calls);
        self.write(
            json!({"type": 1, "invocationId": id, "target": target, "arguments": [argument]}),
        )
        .await?;
        loop {
            let message = self.read().await?;
            if message["type"] == 3 && message["invocationId"] == *id {
                return Ok(message);
            }
            self.keep(message);
        }
    }

    /// Begins a stream; its items come as events.
    pub async fn stream(&mut self, target: &str, argument: Value) -> Result<(), Gone> {
        self.calls += 1;
        let id = format!("t{}", self.calls);
        self.write(
            json!({"type": 4, "invocationId": id, "target": target, "arguments": [argument]}),
        )
        .await
    }

    /// The next event of a run, by whatever way it comes.
    pub async fn event(&mut self) -> Result<Value, Gone> {
        loop {
            if let Some(event) = self.waiting.pop_front() {
                return Ok(event);
            }
            let message = self.read().await?;
            // A stream that ends before its run does is to be begun again.
            if message["type"] == 3 {
                return Err(Gone);
            }
            self.keep(message);
        }
    }

    fn keep(&mut self, message: Value) {
        if message["type"] == 2 {
            self.waiting.push_back(message["item"].clone());
        } else if message["target"] == "ChatEvent" {
            self.waiting.push_back(message["arguments"][0].clone());
        }
    }

    async fn write(&mut self, message: Value) -> Result<(), Gone> {
        let record = format!("{message}\x1e");
        self.client.sender.text(&record).await.map_err(|_| Gone)
    }

    async fn read(&mut self) -> Result<Value, Gone> {
        match self.client.next().await {
            Received::Message(message) => Ok(message),
            Received::Closed { .. } => Err(Gone),
        }
    }
}

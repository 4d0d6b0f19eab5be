//! A connection that may end at any time: it reports that instead of failing the test.

use std::collections::VecDeque;

use serde_json::{Value, json};

use crate::support::hub_client::{HubClient, Received};

pub struct Line {
    client: HubClient,
    /// Calls of the server that came while an answer was awaited.
    waiting: VecDeque<Value>,
    calls: u64,
}

/// The connection is over.
#[derive(Debug)]
pub struct Gone;

impl Line {
    pub fn new(client: HubClient) -> Self {
        Self {
            client,
            waiting: VecDeque::new(),
            calls: 0,
        }
    }

    /// The completion of a call.
    pub async fn call(&mut self, target: &str, argument: &Value) -> Result<Value, Gone> {
        self.calls += 1;
        let id = format!("l{}", self.calls);
        let call =
            json!({"type": 1, "invocationId": id, "target": target, "arguments": [argument]});
        self.write(&call).await?;
        loop {
            let message = self.read().await?;
            if message["type"] == 3 && message["invocationId"] == *id {
                return Ok(message);
            }
            self.waiting.push_back(message);
        }
    }

    /// The server's next call: an event, or a question to a worker.
    pub async fn next(&mut self) -> Result<Value, Gone> {
        loop {
            let message = match self.waiting.pop_front() {
                Some(message) => message,
                None => self.read().await?,
            };
            if message["type"] == 1 {
                return Ok(message);
            }
        }
    }

    /// Puts a call back that came but was not dealt with.
    pub fn keep(&mut self, call: Value) {
        self.waiting.push_back(call);
    }

    /// Says yes to every command that has come so far.
    pub async fn agree(&mut self) -> Result<(), Gone> {
        let asked = std::mem::take(&mut self.waiting);
        for question in asked {
            if question["target"] == "ExecuteCommand" {
                let id = &question["invocationId"];
                let answer = json!({"type": 3, "invocationId": id, "result": {"ok": true}});
                self.write(&answer).await?;
            }
        }
        Ok(())
    }

    async fn write(&mut self, message: &Value) -> Result<(), Gone> {
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

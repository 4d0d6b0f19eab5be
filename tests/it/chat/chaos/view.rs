//! What a tab knows of a run, checked with every event.

use serde_json::Value;

/// What a tab knows of a run.
#[derive(Default)]
pub struct View {
    pub seq: u64,
    pub text: String,
    pub is_over: bool,
}

impl View {
    pub fn take(&mut self, event: &Value, run: &Value) {
        assert_eq!(event["runId"], *run, "an event of another run");
        assert!(!self.is_over, "something after the end: {event}");
        let seq = event["seq"].as_u64().expect("a number");
        if event["type"] == "snapshot" {
            assert!(seq >= self.seq, "an older snapshot: {event}");
            event["text"]
                .as_str()
                .expect("a text")
                .clone_into(&mut self.text);
        } else {
            assert_eq!(seq, self.seq + 1, "a gap or a double: {event}");
        }
        self.seq = seq;
        match event["type"].as_str() {
            Some("text.delta") => self.text += event["text"].as_str().expect("a text"),
            Some("run.finished") => self.is_over = true,
            _ => {}
        }
    }
}

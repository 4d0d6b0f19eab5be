//! The body of a `chat/completions` request.

use serde_json::{Map, Value, json};

use crate::chat::provider::{Prompt, PromptMessage, ToolCall};
use crate::chat::tools;

pub fn body(prompt: &Prompt, with_tools: bool, with_usage: bool) -> Vec<u8> {
    let mut body = Map::new();
    body.insert("model".into(), prompt.model.as_str().into());
    body.insert("stream".into(), true.into());
    let messages = prompt.messages.iter().map(message).collect();
    body.insert("messages".into(), Value::Array(messages));
    if with_usage {
        body.insert("stream_options".into(), json!({"include_usage": true}));
    }
    if with_tools {
        body.insert("tools".into(), tools::definitions());
    }
    let options = &prompt.options;
    let mut option = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            body.insert(name.into(), value);
        }
    };
    option("temperature", options.temperature.map(Value::from));
    option("top_p", options.top_p.map(Value::from));
    option("max_tokens", options.max_tokens.map(Value::from));
    Value::Object(body).to_string().into_bytes()
}

fn message(message: &PromptMessage) -> Value {
    match message {
        PromptMessage::System(content) => json!({"role": "system", "content": **content}),
        PromptMessage::User(content) => json!({"role": "user", "content": **content}),
        PromptMessage::Assistant {
            content,
            tool_calls,
        } if tool_calls.is_empty() => json!({"role": "assistant", "content": **content}),
        PromptMessage::Assistant {
            content,
            tool_calls,
        } => json!({
            "role": "assistant",
            "content": (!content.is_empty()).then_some(&**content),
            "tool_calls": tool_calls.iter().map(tool_call).collect::<Vec<_>>(),
        }),
        PromptMessage::Tool { call_id, content } => {
            json!({"role": "tool", "tool_call_id": call_id, "content": content})
        }
    }
}

fn tool_call(call: &ToolCall) -> Value {
    json!({
        "id": call.id,
        "type": "function",
        "function": {"name": call.name, "arguments": call.arguments},
    })
}

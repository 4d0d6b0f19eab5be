//! Hub messages in both protocols, as these clients write and read them.

use serde_json::{Value, json};

/// How hub messages are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    Json,
    MessagePack,
}

impl Protocol {
    pub fn handshake(self) -> Vec<u8> {
        let name = match self {
            Self::Json => "json",
            Self::MessagePack => "messagepack",
        };
        format!("{{\"protocol\":\"{name}\",\"version\":1}}\x1e").into_bytes()
    }

    pub fn invocation(self, id: Option<&str>, target: &str, arguments: &Value) -> Vec<u8> {
        match self {
            Self::Json => {
                let mut message = json!({"type": 1, "target": target, "arguments": arguments});
                if let Some(id) = id {
                    message["invocationId"] = json!(id);
                }
                format!("{message}\x1e").into_bytes()
            }
            Self::MessagePack => {
                let headers = serde_json::Map::new();
                let body = rmp_serde::to_vec(&(1, headers, id, target, arguments, [0_u8; 0]));
                let body = body.expect("can be written");
                let mut framed = Vec::new();
                let mut length = body.len();
                while length >= 0x80 {
                    framed.push(length as u8 | 0x80);
                    length >>= 7;
                }
                framed.push(length as u8);
                framed.extend(body);
                framed
            }
        }
    }

    /// Whole messages: what is called, or which call was completed with what.
    pub fn read(self, bytes: &[u8]) -> Vec<Message> {
        match self {
            Self::Json => bytes
                .split(|byte| *byte == 0x1E)
                .filter(|record| !record.is_empty())
                .map(|record| serde_json::from_slice(record).expect("JSON"))
                .filter_map(|value: Value| Message::of_json(&value))
                .collect(),
            Self::MessagePack => bodies(bytes).iter().filter_map(Message::of_array).collect(),
        }
    }
}

/// The bodies of whole MessagePack messages.
pub fn bodies(mut bytes: &[u8]) -> Vec<Value> {
    let mut bodies = Vec::new();
    while !bytes.is_empty() {
        let (mut length, mut shift) = (0, 0);
        loop {
            let byte = bytes[0];
            bytes = &bytes[1..];
            length |= usize::from(byte & 0x7F) << shift;
            shift += 7;
            if byte & 0x80 == 0 {
                break;
            }
        }
        let (body, rest) = bytes.split_at(length);
        bytes = rest;
        bodies.push(rmp_serde::from_slice(body).expect("MessagePack"));
    }
    bodies
}

/// What a client may get, whatever the protocol.
#[derive(Clone, Debug, PartialEq)]
pub enum Message {
    Call { target: String, arguments: Value },
    Completion { id: String, result: Value },
    Close { allow_reconnect: bool },
}

impl Message {
    fn of_json(value: &Value) -> Option<Self> {
        let text = |name: &str| value[name].as_str().unwrap_or_default().to_owned();
        match value["type"].as_i64() {
            Some(1) => Some(Self::Call {
                target: text("target"),
                arguments: value["arguments"].clone(),
            }),
            Some(3) => Some(Self::Completion {
                id: text("invocationId"),
                result: value["result"].clone(),
            }),
            Some(7) => Some(Self::Close {
                allow_reconnect: value["allowReconnect"] == true,
            }),
            _ => None,
        }
    }

    fn of_array(value: &Value) -> Option<Self> {
        let text = |index: usize| value[index].as_str().unwrap_or_default().to_owned();
        match value[0].as_i64() {
            Some(1) => Some(Self::Call {
                target: text(3),
                arguments: value[4].clone(),
            }),
            Some(3) => Some(Self::Completion {
                id: text(2),
                result: value[4].clone(),
            }),
            Some(7) => Some(Self::Close {
                allow_reconnect: value[2] == true,
            }),
            _ => None,
        }
    }
}

//! Both encodings against the tables of the protocol reference.

mod json_messages;

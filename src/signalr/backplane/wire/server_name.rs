//! Names that must be unique in a fleet.

use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};
use uuid::Uuid;

/// A new server name, `<host name>_<32 hexadecimal digits>`: one for each hub of each process.
pub fn server_name() -> String {
    let system = rustix::system::uname();
    let host = system.nodename().to_string_lossy();
    format!("{host}_{}", Uuid::new_v4().simple())
}

/// A new id for a question to a client: 16 random bytes in base64 without padding, 22 characters.
pub fn invocation_id() -> String {
    STANDARD_NO_PAD.encode(Uuid::new_v4().as_bytes())
}

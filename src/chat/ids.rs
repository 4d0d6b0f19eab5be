//! The ids of chat: opaque strings, cheap to clone, not to be mixed up.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[cfg_attr(test, derive(ts_rs::TS), ts(type = "string"))]
        pub struct $name(Arc<str>);

        impl $name {
            /// An id nobody used before.
            pub fn random() -> Self {
                Self(uuid::Uuid::new_v4().simple().to_string().into())
            }
        }

        impl From<&str> for $name {
            fn from(id: &str) -> Self {
                Self(id.into())
            }
        }

        impl Deref for $name {
            type Target = str;

            fn deref(&self) -> &str {
                &self.0
            }
        }

        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let id = String::deserialize(deserializer)?;
                check_id(&id).map_err(serde::de::Error::custom)?;
                Ok(Self(id.into()))
            }
        }
    };
}

id! {
    /// Whose conversation it is: the authenticated user.
    UserId
}
id! {
    /// A conversation of one user.
    ConversationId
}
id! {
    /// A message of a conversation.
    MessageId
}
id! {
    /// The making of one assistant message.
    RunId
}
id! {
    /// A client's own name for a request, so that a repeat is recognised.
    ClientMessageId
}

/// Ids are strings of 1 to 128 characters without control characters.
pub fn check_id(id: &str) -> Result<(), &'static str> {
    if id.is_empty() || id.chars().count() > 128 {
        return Err("an id has 1 to 128 characters");
    }
    if id.chars().any(char::is_control) {
        return Err("an id has no control characters");
    }
    Ok(())
}

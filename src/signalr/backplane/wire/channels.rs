//! The channels of one hub. All names begin with the hub's full .NET type name; the Redis channel
//! prefix is not part of them, it is put in front where they meet Redis.

/// Names and recognises the channels of one hub, for one server name.
#[derive(Clone, Debug)]
pub struct Channels {
    /// The hub's type name with a colon.
    hub: String,
    server: String,
}

/// What a channel is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channel<'a> {
    /// Invocations for every connection.
    All,
    /// Invocations for the members of a group.
    Group(&'a str),
    /// Invocations for the connections of a user.
    User(&'a str),
    /// Invocations and questions for one connection.
    Connection(&'a str),
    /// Group commands.
    Groups,
    /// Acks for this server.
    Ack,
    /// Clients' answers for this server.
    Return,
}

impl Channels {
    /// The channels of the hub with this .NET type name, used to the letter.
    pub fn new(type_name: &str, server: String) -> Self {
        Self {
            hub: format!("{type_name}:"),
            server,
        }
    }

    /// The server name the ack and return channels end with.
    pub fn server(&self) -> &str {
        &self.server
    }

    /// Invocations for every connection.
    pub fn all(&self) -> String {
        self.name("all", "")
    }

    /// Invocations for the members of a group. Names are used to the letter.
    pub fn group(&self, name: &str) -> String {
        self.name("group:", name)
    }

    /// Invocations for the connections of a user.
    pub fn user(&self, id: &str) -> String {
        self.name("user:", id)
    }

    /// Invocations and questions for one connection.
    pub fn connection(&self, id: &str) -> String {
        self.name("connection:", id)
    }

    /// Group commands, read by every server.
    pub fn groups(&self) -> String {
        self.name("internal:groups", "")
    }

    /// Acks for a server.
    pub fn ack(&self, server: &str) -> String {
        self.name("internal:ack:", server)
    }

    /// Clients' answers for this server.
    pub fn return_channel(&self) -> String {
        self.name("internal:return:", &self.server)
    }

    /// Whether an answer may be published there: requests name their return channel, and whoever can
    /// publish one must not reach any other channel through us.
    pub fn is_return_channel(&self, name: &str) -> bool {
        let rest = name.strip_prefix(&*self.hub);
        rest.and_then(|rest| rest.strip_prefix("internal:return:"))
            .is_some_and(|server| !server.is_empty())
    }

    /// What a channel that we subscribed to is for.
    pub fn parse<'a>(&self, channel: &'a str) -> Option<Channel<'a>> {
        let rest = channel.strip_prefix(&*self.hub)?;
        let (kind, name) = rest.split_once(':').unwrap_or((rest, ""));
        match kind {
            "all" => Some(Channel::All),
            "group" => Some(Channel::Group(name)),
            "user" => Some(Channel::User(name)),
            "connection" => Some(Channel::Connection(name)),
            "internal" if name == "groups" => Some(Channel::Groups),
            "internal" if name.starts_with("ack:") => Some(Channel::Ack),
            "internal" if name.starts_with("return:") => Some(Channel::Return),
            _ => None,
        }
    }

    fn name(&self, kind: &str, name: &str) -> String {
        let mut channel = String::with_capacity(self.hub.len() + kind.len() + name.len());
        channel.push_str(&self.hub);
        channel.push_str(kind);
        channel.push_str(name);
        channel
    }
}

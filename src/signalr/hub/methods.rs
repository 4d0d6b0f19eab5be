//! The methods of a hub by name, and who may call them. `binding` binds their arguments, `call` runs
//! them.

use std::{collections::HashMap, sync::Arc};

use super::{
    Hub, HubStream,
    binding::HubMethod,
    call::{Call, ResultCall, StreamCall, Types},
};
use crate::signalr::protocol::Encode;

/// The methods of a hub by name. Names match without regard to case.
pub struct Methods<H> {
    hub: Arc<H>,
    entries: HashMap<String, Method>,
    last: Option<String>,
}

/// One hub method.
pub(super) struct Method {
    pub name: &'static str,
    pub streaming: bool,
    pub arguments: usize,
    pub uploads: usize,
    pub requirement: Requirement,
    pub call: Box<dyn Call>,
}

/// Who may call a method.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Requirement {
    #[default]
    Nothing,
    User,
    Role(&'static str),
}

impl<H: Hub> Methods<H> {
    pub(super) fn of(hub: Arc<H>) -> HashMap<String, Method> {
        let mut methods = Self {
            hub,
            entries: HashMap::new(),
            last: None,
        };
        H::methods(&mut methods);
        methods.entries
    }

    /// Adds a method that answers with one result.
    pub fn method<A: 'static, R: Encode + 'static>(
        &mut self,
        name: &'static str,
        function: impl HubMethod<H, A, R>,
    ) -> &mut Self {
        let counts = function.counts();
        let call = Box::new(ResultCall {
            hub: self.hub.clone(),
            function: Arc::new(function),
            types: Types::new(),
        });
        self.add(name, false, counts, call)
    }

    /// Adds a method that answers with a stream of items.
    pub fn stream<A: 'static, T: Encode + 'static>(
        &mut self,
        name: &'static str,
        function: impl HubMethod<H, A, HubStream<T>>,
    ) -> &mut Self {
        let counts = function.counts();
        let call = Box::new(StreamCall {
            hub: self.hub.clone(),
            function: Arc::new(function),
            types: Types::new(),
        });
        self.add(name, true, counts, call)
    }

    /// The method added last is only for callers who have a user.
    pub fn requires_user(&mut self) -> &mut Self {
        self.require(Requirement::User)
    }

    /// The method added last is only for users who hold `role`.
    pub fn requires_role(&mut self, role: &'static str) -> &mut Self {
        self.require(Requirement::Role(role))
    }

    fn require(&mut self, requirement: Requirement) -> &mut Self {
        if let Some(method) = self
            .last
            .as_ref()
            .and_then(|last| self.entries.get_mut(last))
        {
            method.requirement = requirement;
        }
        self
    }

    fn add(
        &mut self,
        name: &'static str,
        streaming: bool,
        (arguments, uploads): (usize, usize),
        call: Box<dyn Call>,
    ) -> &mut Self {
        let key = name.to_lowercase();
        let method = Method {
            name,
            streaming,
            arguments,
            uploads,
            requirement: Requirement::Nothing,
            call,
        };
        assert!(
            self.entries.insert(key.clone(), method).is_none(),
            "hub method '{name}' exists twice"
        );
        self.last = Some(key);
        self
    }
}

//! Methods that send messages to clients, and put them into groups.

use managing_api::signalr::hub::{GroupError, HubCallerContext, HubResult, Methods, RawPayload};

use super::{ConformanceHub, Names, Text, required};

impl ConformanceHub {
    pub(super) fn send_methods(methods: &mut Methods<Self>) {
        methods.method("ToCaller", Self::to_caller);
        methods.method("ToCallerNoArgs", Self::to_caller_no_args);
        methods.method("ToCallerMany", Self::to_caller_many);
        methods.method("ToCallerThenAbort", Self::to_caller_then_abort);
        methods.method("ToAll", Self::to_all);
        methods.method("ToOthers", Self::to_others);
        methods.method("ToAllExcept", Self::to_all_except);
        methods.method("Join", Self::join);
        methods.method("Leave", Self::leave);
        methods.method("JoinOther", Self::join_other);
        methods.method("LeaveOther", Self::leave_other);
        methods.method("ToGroup", Self::to_group);
        methods.method("ToOthersInGroup", Self::to_others_in_group);
        methods.method("ToGroupExcept", Self::to_group_except);
        methods.method("Publish", Self::publish);
        methods.method("ToGroups", Self::to_groups);
        methods.method("ToUser", Self::to_user);
        methods.method("ToUsers", Self::to_users);
        methods.method("ToConnection", Self::to_connection);
        methods.method("ToConnections", Self::to_connections);
    }

    async fn to_caller(&self, c: &HubCallerContext, target: Text, value: Text) -> HubResult<()> {
        let target = required(target)?;
        Ok(c.clients().caller().send(&target, (value,)).await?)
    }

    async fn to_caller_no_args(&self, c: &HubCallerContext, target: Text) -> HubResult<()> {
        let target = required(target)?;
        Ok(c.clients().caller().send(&target, ()).await?)
    }

    async fn to_caller_many(&self, c: &HubCallerContext, target: Text, n: i32) -> HubResult<()> {
        let (target, caller) = (required(target)?, c.clients().caller());
        for i in 0..n {
            caller.send(&target, (i,)).await?;
        }
        Ok(())
    }

    async fn to_caller_then_abort(
        &self,
        c: &HubCallerContext,
        target: Text,
        value: Text,
    ) -> HubResult<()> {
        self.to_caller(c, target, value).await?;
        c.abort();
        Ok(())
    }

    async fn to_all(&self, c: &HubCallerContext, value: Text) -> HubResult<()> {
        Ok(c.clients().all().send("Message", (value,)).await?)
    }

    async fn to_others(&self, c: &HubCallerContext, value: Text) -> HubResult<()> {
        Ok(c.clients().others().send("Message", (value,)).await?)
    }

    async fn to_all_except(
        &self,
        c: &HubCallerContext,
        value: Text,
        except: Names,
    ) -> HubResult<()> {
        let to = c.clients().all_except(&except.unwrap_or_default());
        Ok(to.send("Message", (value,)).await?)
    }

    async fn join(&self, c: &HubCallerContext, group: Text) -> HubResult<()> {
        Ok(c.groups().add(c.connection_id(), &required(group)?).await?)
    }

    async fn leave(&self, c: &HubCallerContext, group: Text) -> HubResult<()> {
        let group = required(group)?;
        Ok(c.groups().remove(c.connection_id(), &group).await?)
    }

    /// The reference's single instance passes over unknown connections in silence; several do not.
    fn changed(&self, outcome: Result<(), GroupError>) -> HubResult<()> {
        match outcome {
            Err(GroupError::NotFound(_)) if !self.is_distributed => Ok(()),
            outcome => Ok(outcome?),
        }
    }

    async fn join_other(
        &self,
        c: &HubCallerContext,
        connection: Text,
        group: Text,
    ) -> HubResult<()> {
        let (connection, group) = (required(connection)?, required(group)?);
        self.changed(c.groups().add(&connection, &group).await)
    }

    async fn leave_other(
        &self,
        c: &HubCallerContext,
        connection: Text,
        group: Text,
    ) -> HubResult<()> {
        let (connection, group) = (required(connection)?, required(group)?);
        self.changed(c.groups().remove(&connection, &group).await)
    }

    async fn to_group(&self, c: &HubCallerContext, group: Text, value: Text) -> HubResult<()> {
        let to = c.clients().group(&required(group)?);
        Ok(to.send("Message", (value,)).await?)
    }

    async fn to_others_in_group(
        &self,
        c: &HubCallerContext,
        group: Text,
        value: Text,
    ) -> HubResult<()> {
        let to = c.clients().others_in_group(&required(group)?);
        Ok(to.send("Message", (value,)).await?)
    }

    async fn to_group_except(
        &self,
        c: &HubCallerContext,
        group: Text,
        value: Text,
        except: Names,
    ) -> HubResult<()> {
        let clients = c.clients();
        let to = clients.group_except(&required(group)?, &except.unwrap_or_default());
        Ok(to.send("Message", (value,)).await?)
    }

    /// What the bench tool and the fault tests call.
    async fn publish(
        &self,
        c: &HubCallerContext,
        group: Text,
        payload: RawPayload,
    ) -> HubResult<()> {
        let to = c.clients().group(&required(group)?);
        Ok(to.send("Published", (payload,)).await?)
    }

    async fn to_groups(&self, c: &HubCallerContext, groups: Names, value: Text) -> HubResult<()> {
        let to = c.clients().groups(&groups.unwrap_or_default());
        Ok(to.send("Message", (value,)).await?)
    }

    async fn to_user(&self, c: &HubCallerContext, user: Text, value: Text) -> HubResult<()> {
        let to = c.clients().user(&required(user)?);
        Ok(to.send("Message", (value,)).await?)
    }

    async fn to_users(&self, c: &HubCallerContext, users: Names, value: Text) -> HubResult<()> {
        let to = c.clients().users(&users.unwrap_or_default());
        Ok(to.send("Message", (value,)).await?)
    }

    async fn to_connection(
        &self,
        c: &HubCallerContext,
        connection: Text,
        value: Text,
    ) -> HubResult<()> {
        let to = c.clients().connection(&required(connection)?);
        Ok(to.send("Message", (value,)).await?)
    }

    async fn to_connections(
        &self,
        c: &HubCallerContext,
        connections: Names,
        value: Text,
    ) -> HubResult<()> {
        let to = c.clients().connections(&connections.unwrap_or_default());
        Ok(to.send("Message", (value,)).await?)
    }
}

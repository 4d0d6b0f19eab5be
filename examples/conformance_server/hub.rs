//! The hub. Its methods are listed in `tests/conformance/README.md`.

use std::time::Duration;

use async_stream::stream;
use futures_util::{StreamExt, stream::iter};
use managing_api::signalr::hub::{
    Hub, HubCallerContext, HubError, HubResult, HubStream, Methods, RawPayload, Upload,
};
use tokio::time::sleep;

use crate::{
    journal::Journal,
    types::{Bytes, Date, Double, Map, Person, Text},
};

const ORDINARY: &str = "InvalidOperationException";

/// Every observable behaviour of a hub, one method each.
#[derive(Default)]
pub struct ConformanceHub {
    journal: std::sync::Arc<Journal>,
}

impl Hub for ConformanceHub {
    fn methods(methods: &mut Methods<Self>) {
        echoes(methods);
        plain(methods);
        sends(methods);
        streams(methods);
        methods
            .method("AskCaller", Self::ask_caller)
            .method("AskConnection", Self::ask_connection)
            .method("AskInt", Self::ask_int)
            .method("AskFor", Self::ask_for)
            .method("TryAsk", Self::try_ask);
    }

    async fn on_connected(&self, context: &HubCallerContext) -> HubResult<()> {
        let query = |name: &str| {
            context
                .request()
                .query(name)
                .unwrap_or_default()
                .into_owned()
        };
        context.items().set("tag", &query("tag"));
        self.journal.note(&query("tag"), "connected");
        if let Ok(delay) = query("delay").parse() {
            sleep(Duration::from_millis(delay)).await;
        }
        if query("greet") == "1" {
            context
                .clients()
                .caller()
                .send("Connected", ("welcome",))
                .await?;
        }
        if query("ask") == "1" {
            context
                .clients()
                .caller()
                .invoke::<Text>("Answer", ("early",))
                .await?;
        }
        if query("refuse") == "1" {
            return Err(HubError::internal(ORDINARY, "refused in OnConnected"));
        }
        if query("refusehub") == "1" {
            return Err(HubError::new("refused by hub"));
        }
        if query("abort") == "1" {
            context.abort();
        }
        Ok(())
    }

    async fn on_disconnected(
        &self,
        context: &HubCallerContext,
        error: Option<&HubError>,
    ) -> HubResult<()> {
        let tag: String = context.items().get("tag").unwrap_or_default();
        let what = if error.is_some() {
            "disconnected with error"
        } else {
            "disconnected"
        };
        self.journal.note(&tag, what);
        if context.request().query("failend").as_deref() == Some("1") {
            return Err(HubError::internal(ORDINARY, "failed in OnDisconnected"));
        }
        Ok(())
    }
}

type Context = HubCallerContext;

fn echoes(methods: &mut Methods<ConformanceHub>) {
    type C = ConformanceHub;
    methods
        .method("Echo", C::echo)
        .method("EchoNullable", C::echo)
        .method("EchoDouble", async |_: &C, _: &Context, v: f64| {
            Ok(Double(v))
        })
        .method("EchoLong", async |_: &C, _: &Context, v: i64| Ok(v))
        .method("EchoBool", async |_: &C, _: &Context, v: bool| Ok(v))
        .method("EchoBytes", async |_: &C, _: &Context, v: Option<Bytes>| {
            Ok(v)
        })
        .method("EchoDate", async |_: &C, _: &Context, v: Date| Ok(v))
        .method("EchoMap", async |_: &C, _: &Context, v: Map| Ok(v))
        .method(
            "EchoPerson",
            async |_: &C, _: &Context, v: Option<Person>| Ok(v),
        )
        .method(
            "EchoPeople",
            async |_: &C, _: &Context, v: Option<Vec<Option<Person>>>| Ok(v),
        )
        .method("EchoAny", async |_: &C, _: &Context, v: RawPayload| Ok(v))
        .method("NotANumber", async |_: &C, _: &Context| {
            Ok(Double(f64::NAN))
        });
}

fn plain(methods: &mut Methods<ConformanceHub>) {
    type C = ConformanceHub;
    methods
        .method("Add", async |_: &C, _: &Context, a: i32, b: i32| {
            Ok(a.wrapping_add(b))
        })
        .method("Length", C::length)
        .method("Big", async |_: &C, _: &Context, n: i32| {
            Ok("x".repeat(n.max(0) as usize))
        })
        .method("Nothing", C::nothing)
        .method("NothingAsync", C::nothing)
        .method("ReturnNull", async |_: &C, _: &Context| Ok(None::<String>))
        .method("Delay", C::delay)
        .method("Optional", C::optional)
        .method("renamed", async |_: &C, _: &Context| Ok("renamed method"))
        .method("UserId", async |_: &C, context: &Context| {
            Ok(context.user_id().map(str::to_owned))
        })
        .method("ConnectionId", async |_: &C, context: &Context| {
            Ok(context.connection_id().to_owned())
        })
        .method("Secret", C::secret)
        .requires_user()
        .method("Remember", C::remember)
        .method("Recall", async |_: &C, context: &Context| {
            Ok(context.items().get::<Text>("memory").flatten())
        })
        .method("ThrowHubException", C::throw_hub_exception)
        .method("ThrowException", C::throw_exception)
        .method("AbortMe", C::abort_me)
        .method("Work", C::work)
        .method("Events", async |hub: &C, _: &Context, tag: Text| {
            Ok(hub.journal.events(&tag.unwrap_or_default()))
        });
}

impl ConformanceHub {
    async fn echo(&self, _: &Context, value: Text) -> HubResult<Text> {
        Ok(value)
    }

    async fn length(&self, _: &Context, value: Text) -> HubResult<i32> {
        let value = value.ok_or_else(|| HubError::internal("NullReferenceException", "no text"))?;
        Ok(value.encode_utf16().count() as i32)
    }

    async fn nothing(&self, _: &Context) -> HubResult<()> {
        Ok(())
    }

    async fn delay(&self, _: &Context, ms: i32) -> HubResult<i32> {
        sleep(millis(ms)).await;
        Ok(ms)
    }

    async fn optional(&self, _: &Context, a: Text, b: Text) -> HubResult<String> {
        Ok(a.unwrap_or_default() + &b.unwrap_or_default())
    }

    async fn secret(&self, context: &Context) -> HubResult<String> {
        Ok(format!(
            "secret of {}",
            context.user_id().unwrap_or_default()
        ))
    }

    async fn remember(&self, context: &Context, value: Text) -> HubResult<()> {
        context.items().set("memory", &value);
        Ok(())
    }

    async fn throw_hub_exception(&self, _: &Context, message: Text) -> HubResult<()> {
        Err(HubError::new(message.unwrap_or_default()))
    }

    async fn throw_exception(&self, _: &Context, message: Text) -> HubResult<()> {
        Err(HubError::internal(ORDINARY, message.unwrap_or_default()))
    }

    async fn abort_me(&self, context: &Context) -> HubResult<()> {
        context.abort();
        Ok(())
    }

    async fn work(&self, _: &Context, tag: Text, ms: i32) -> HubResult<&'static str> {
        let tag = tag.unwrap_or_default();
        self.journal.note(&tag, "work started");
        sleep(millis(ms)).await;
        self.journal.note(&tag, "work finished");
        Ok("done")
    }
}

fn millis(ms: i32) -> Duration {
    Duration::from_millis(ms.max(0) as u64)
}

fn sends(methods: &mut Methods<ConformanceHub>) {
    type C = ConformanceHub;
    methods
        .method("ToCaller", C::to_caller)
        .method("ToCallerNoArgs", C::to_caller_no_args)
        .method("ToCallerMany", C::to_caller_many)
        .method("ToCallerThenAbort", C::to_caller_then_abort)
        .method("ToAll", C::to_all)
        .method("ToOthers", C::to_others)
        .method("ToAllExcept", C::to_all_except)
        .method("Join", C::join)
        .method("Leave", C::leave)
        .method("JoinOther", C::join_other)
        .method("LeaveOther", C::leave_other)
        .method("ToGroup", C::to_group)
        .method("ToOthersInGroup", C::to_others_in_group)
        .method("ToGroupExcept", C::to_group_except)
        .method("ToGroups", C::to_groups)
        .method("Publish", C::publish)
        .method("ToUser", C::to_user)
        .method("ToUsers", C::to_users)
        .method("ToConnection", C::to_connection)
        .method("ToConnections", C::to_connections);
}

impl ConformanceHub {
    async fn to_caller(&self, context: &Context, target: String, value: Text) -> HubResult<()> {
        Ok(context.clients().caller().send(&target, (value,)).await?)
    }

    async fn to_caller_no_args(&self, context: &Context, target: String) -> HubResult<()> {
        Ok(context.clients().caller().send(&target, ()).await?)
    }

    async fn to_caller_many(&self, context: &Context, target: String, n: i32) -> HubResult<()> {
        for number in 0..n {
            context.clients().caller().send(&target, (number,)).await?;
        }
        Ok(())
    }

    async fn to_caller_then_abort(
        &self,
        context: &Context,
        target: String,
        value: Text,
    ) -> HubResult<()> {
        context.clients().caller().send(&target, (value,)).await?;
        context.abort();
        Ok(())
    }

    async fn to_all(&self, context: &Context, value: Text) -> HubResult<()> {
        Ok(context.clients().all().send("Message", (value,)).await?)
    }

    async fn to_others(&self, context: &Context, value: Text) -> HubResult<()> {
        Ok(context.clients().others().send("Message", (value,)).await?)
    }

    async fn to_all_except(
        &self,
        context: &Context,
        value: Text,
        except: Vec<String>,
    ) -> HubResult<()> {
        Ok(context
            .clients()
            .all_except(&except)
            .send("Message", (value,))
            .await?)
    }

    async fn join(&self, context: &Context, group: String) -> HubResult<()> {
        context.groups().add(context.connection_id(), &group).await;
        Ok(())
    }

    async fn leave(&self, context: &Context, group: String) -> HubResult<()> {
        context
            .groups()
            .remove(context.connection_id(), &group)
            .await;
        Ok(())
    }

    async fn join_other(
        &self,
        context: &Context,
        connection: String,
        group: String,
    ) -> HubResult<()> {
        context.groups().add(&connection, &group).await;
        Ok(())
    }

    async fn leave_other(
        &self,
        context: &Context,
        connection: String,
        group: String,
    ) -> HubResult<()> {
        context.groups().remove(&connection, &group).await;
        Ok(())
    }

    async fn to_group(&self, context: &Context, group: String, value: Text) -> HubResult<()> {
        Ok(context
            .clients()
            .group(&group)
            .send("Message", (value,))
            .await?)
    }

    async fn to_others_in_group(
        &self,
        context: &Context,
        group: String,
        value: Text,
    ) -> HubResult<()> {
        Ok(context
            .clients()
            .others_in_group(&group)
            .send("Message", (value,))
            .await?)
    }

    async fn to_group_except(
        &self,
        context: &Context,
        group: String,
        value: Text,
        except: Vec<String>,
    ) -> HubResult<()> {
        Ok(context
            .clients()
            .group_except(&group, &except)
            .send("Message", (value,))
            .await?)
    }

    async fn to_groups(
        &self,
        context: &Context,
        groups: Vec<String>,
        value: Text,
    ) -> HubResult<()> {
        Ok(context
            .clients()
            .groups(&groups)
            .send("Message", (value,))
            .await?)
    }

    async fn publish(
        &self,
        context: &Context,
        group: String,
        payload: RawPayload,
    ) -> HubResult<()> {
        Ok(context
            .clients()
            .group(&group)
            .send("Published", (payload,))
            .await?)
    }

    async fn to_user(&self, context: &Context, user: String, value: Text) -> HubResult<()> {
        Ok(context
            .clients()
            .user(&user)
            .send("Message", (value,))
            .await?)
    }

    async fn to_users(&self, context: &Context, users: Vec<String>, value: Text) -> HubResult<()> {
        Ok(context
            .clients()
            .users(&users)
            .send("Message", (value,))
            .await?)
    }

    async fn to_connection(
        &self,
        context: &Context,
        connection: String,
        value: Text,
    ) -> HubResult<()> {
        Ok(context
            .clients()
            .connection(&connection)
            .send("Message", (value,))
            .await?)
    }

    async fn to_connections(
        &self,
        context: &Context,
        connections: Vec<String>,
        value: Text,
    ) -> HubResult<()> {
        Ok(context
            .clients()
            .connections(&connections)
            .send("Message", (value,))
            .await?)
    }
}

fn streams(methods: &mut Methods<ConformanceHub>) {
    type C = ConformanceHub;
    methods
        .stream("Counter", C::counter)
        .stream(
            "CounterThenThrow",
            async |_: &C, _: &Context, count: i32| {
                Ok(count_then_fail(count, HubError::new("stream failed")))
            },
        )
        .stream(
            "CounterThenThrowGeneric",
            async |_: &C, _: &Context, count: i32| {
                Ok(count_then_fail(
                    count,
                    HubError::internal(ORDINARY, "hidden reason"),
                ))
            },
        )
        .stream("Words", C::words)
        .stream("Hold", C::hold)
        .stream("ThrowBeforeStream", C::throw_before_stream)
        .stream("NullStream", async |_: &C, _: &Context| {
            Ok(HubStream::<i32>::none())
        })
        .method(
            "Sum",
            async |hub: &C, context: &Context, items: Upload<i32>| {
                hub.sum_slow(context, 0, items).await
            },
        )
        .method("SumSlow", C::sum_slow)
        .method("First", C::first)
        .method("Concat", C::concat)
        .method("Collect", C::collect)
        .stream("Upper", C::upper);
}

fn count_then_fail(count: i32, error: HubError) -> HubStream<i32> {
    HubStream::new(iter((0..count).map(Ok).chain([Err(error)])))
}

impl ConformanceHub {
    async fn counter(&self, _: &Context, count: i32, delay_ms: i32) -> HubResult<HubStream<i32>> {
        if delay_ms <= 0 {
            return Ok(HubStream::new(iter((0..count).map(Ok))));
        }
        Ok(HubStream::new(stream! {
            for number in 0..count {
                sleep(millis(delay_ms)).await;
                yield Ok(number);
            }
        }))
    }

    async fn words(&self, _: &Context, text: String) -> HubResult<HubStream<String>> {
        let words: Vec<_> = text.split(' ').map(|word| Ok(word.to_owned())).collect();
        Ok(HubStream::new(iter(words)))
    }

    async fn hold(&self, _: &Context, tag: String, n: i32) -> HubResult<HubStream<i32>> {
        let held = Held {
            journal: self.journal.clone(),
            tag,
        };
        held.journal.note(&held.tag, "stream started");
        Ok(HubStream::new(stream! {
            let _held = held;
            for number in 0..n {
                yield Ok(number);
            }
            std::future::pending::<()>().await;
        }))
    }

    async fn throw_before_stream(&self, _: &Context, message: Text) -> HubResult<HubStream<i32>> {
        Err(HubError::new(message.unwrap_or_default()))
    }

    async fn sum_slow(&self, _: &Context, delay_ms: i32, mut items: Upload<i32>) -> HubResult<i32> {
        let mut sum = 0_i32;
        while let Some(item) = items.next().await {
            let item = item?;
            if delay_ms > 0 {
                sleep(millis(delay_ms)).await;
            }
            sum = sum.wrapping_add(item);
        }
        Ok(sum)
    }

    async fn first(&self, _: &Context, mut items: Upload<i32>) -> HubResult<i32> {
        items.next().await.unwrap_or(Ok(-1))
    }

    async fn concat(
        &self,
        _: &Context,
        mut a: Upload<Text>,
        mut b: Upload<Text>,
    ) -> HubResult<String> {
        let mut all = String::new();
        while let Some(item) = a.next().await {
            all.push_str(&item?.unwrap_or_default());
        }
        while let Some(item) = b.next().await {
            all.push_str(&item?.unwrap_or_default());
        }
        Ok(all)
    }

    async fn collect(&self, _: &Context, tag: Text, mut items: Upload<Text>) -> HubResult<String> {
        let mut parts = Vec::new();
        while let Some(item) = items.next().await {
            match item {
                Ok(text) => parts.push(text.unwrap_or_default()),
                Err(error) => parts.push(format!("failed: {}", error.message())),
            }
        }
        let collected = parts.join(",");
        self.journal.note(&tag.unwrap_or_default(), &collected);
        Ok(collected)
    }

    async fn upper(&self, _: &Context, items: Upload<Text>) -> HubResult<HubStream<String>> {
        Ok(HubStream::new(
            items.map(|item| Ok(item?.unwrap_or_default().to_uppercase())),
        ))
    }

    async fn ask_caller(&self, context: &Context, question: Text) -> HubResult<Text> {
        context
            .clients()
            .caller()
            .invoke("Answer", (question,))
            .await
    }

    async fn ask_connection(
        &self,
        context: &Context,
        connection: String,
        question: Text,
    ) -> HubResult<Text> {
        context
            .clients()
            .connection(&connection)
            .invoke("Answer", (question,))
            .await
    }

    async fn ask_int(&self, context: &Context, question: Text) -> HubResult<i32> {
        context
            .clients()
            .caller()
            .invoke("Answer", (question,))
            .await
    }

    async fn ask_for(&self, context: &Context, question: Text, ms: i32) -> HubResult<Text> {
        context
            .clients()
            .caller()
            .invoke_within(millis(ms), "Answer", (question,))
            .await
    }

    async fn try_ask(
        &self,
        context: &Context,
        connection: String,
        question: Text,
    ) -> HubResult<String> {
        let answer: HubResult<Text> = context
            .clients()
            .connection(&connection)
            .invoke("Answer", (question,))
            .await;
        Ok(match answer {
            Ok(answer) => format!("answered: {}", answer.unwrap_or_default()),
            Err(error) => format!("failed: {}", error.message()),
        })
    }
}

/// A held stream; the journal hears of its end.
struct Held {
    journal: std::sync::Arc<Journal>,
    tag: String,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.journal.note(&self.tag, "stream ended");
    }
}

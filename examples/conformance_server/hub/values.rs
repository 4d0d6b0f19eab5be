//! Methods that give back values, keep them, or take their time.

use managing_api::signalr::hub::{HubCallerContext, HubError, HubResult, Methods, RawPayload};

use super::{ConformanceHub, Text, pause};
use crate::types::{Binary, Counts, Date, Double, Person};

/// Defines a method that returns its argument.
macro_rules! echo {
    ($($name:ident: $type:ty),* $(,)?) => {
        $(async fn $name(&self, _: &HubCallerContext, value: $type) -> HubResult<$type> {
            Ok(value)
        })*
    };
}

impl ConformanceHub {
    pub(super) fn value_methods(methods: &mut Methods<Self>) {
        methods.method("Echo", Self::echo);
        methods.method("EchoNullable", Self::echo);
        methods.method("EchoDouble", Self::echo_double);
        methods.method("EchoLong", Self::echo_long);
        methods.method("EchoBool", Self::echo_bool);
        methods.method("EchoBytes", Self::echo_bytes);
        methods.method("EchoDate", Self::echo_date);
        methods.method("EchoMap", Self::echo_map);
        methods.method("EchoPerson", Self::echo_person);
        methods.method("EchoPeople", Self::echo_people);
        methods.method("EchoAny", Self::echo_any);
        methods.method("Add", Self::add);
        methods.method("Length", Self::length);
        methods.method("Big", Self::big);
        methods.method("NotANumber", Self::not_a_number);
        methods.method("Nothing", Self::nothing);
        methods.method("NothingAsync", Self::nothing);
        methods.method("ReturnNull", Self::return_null);
        methods.method("Delay", Self::delay);
        methods.method("Optional", Self::optional);
        methods.method("renamed", Self::original);
        methods.method("UserId", Self::user_id);
        methods.method("ConnectionId", Self::connection_id);
        methods.method("Secret", Self::secret).requires_user();
        methods.method("Remember", Self::remember);
        methods.method("Recall", Self::recall);
        methods.method("Work", Self::work);
        methods.method("Events", Self::events);
    }

    echo! {
        echo: Text,
        echo_double: Double,
        echo_long: i64,
        echo_bool: bool,
        echo_bytes: Option<Binary>,
        echo_date: Date,
        echo_map: Option<Counts>,
        echo_person: Option<Person>,
        echo_people: Option<Vec<Option<Person>>>,
        echo_any: RawPayload,
    }

    async fn add(&self, _: &HubCallerContext, a: i32, b: i32) -> HubResult<i32> {
        Ok(a.wrapping_add(b))
    }

    /// Counts as .NET and JavaScript do, in UTF-16.
    async fn length(&self, _: &HubCallerContext, text: Text) -> HubResult<usize> {
        text.map(|text| text.encode_utf16().count())
            .ok_or_else(null_reference)
    }

    async fn big(&self, _: &HubCallerContext, n: i32) -> HubResult<String> {
        Ok("x".repeat(n.try_into().unwrap_or(0)))
    }

    async fn not_a_number(&self, _: &HubCallerContext) -> HubResult<Double> {
        // The bits of .NET's `double.NaN`.
        Ok(Double(f64::from_bits(0xfff8_0000_0000_0000)))
    }

    async fn nothing(&self, _: &HubCallerContext) -> HubResult<()> {
        Ok(())
    }

    async fn return_null(&self, _: &HubCallerContext) -> HubResult<Text> {
        Ok(None)
    }

    async fn delay(&self, _: &HubCallerContext, ms: i32) -> HubResult<i32> {
        pause(ms).await?;
        Ok(ms)
    }

    async fn optional(&self, _: &HubCallerContext, a: Text, b: Text) -> HubResult<String> {
        Ok(a.unwrap_or_default() + &b.unwrap_or_default())
    }

    async fn original(&self, _: &HubCallerContext) -> HubResult<&'static str> {
        Ok("renamed method")
    }

    async fn user_id(&self, context: &HubCallerContext) -> HubResult<Text> {
        Ok(context.user_id().map(str::to_owned))
    }

    async fn connection_id(&self, context: &HubCallerContext) -> HubResult<String> {
        Ok(context.connection_id().to_owned())
    }

    async fn secret(&self, context: &HubCallerContext) -> HubResult<String> {
        Ok(format!(
            "secret of {}",
            context.user_id().unwrap_or_default()
        ))
    }

    async fn remember(&self, context: &HubCallerContext, value: Text) -> HubResult<()> {
        context.items().set("memory", &value);
        Ok(())
    }

    async fn recall(&self, context: &HubCallerContext) -> HubResult<Text> {
        Ok(context.items().get("memory"))
    }

    /// Goes on when the connection has gone.
    async fn work(&self, _: &HubCallerContext, tag: Text, ms: i32) -> HubResult<&'static str> {
        let tag = tag.unwrap_or_default();
        self.journal.note(&tag, "work started");
        pause(ms).await?;
        self.journal.note(&tag, "work finished");
        Ok("done")
    }

    async fn events(&self, _: &HubCallerContext, tag: Text) -> HubResult<Vec<String>> {
        Ok(self.journal.events(&tag.unwrap_or_default()))
    }
}

fn null_reference() -> HubError {
    HubError::internal(
        "NullReferenceException",
        "Object reference not set to an instance of an object.",
    )
}

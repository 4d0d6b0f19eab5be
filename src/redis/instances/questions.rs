//! Questions between instances: asking, serving, answering.

use std::{
    sync::{Arc, PoisonError, Weak},
    time::Duration,
};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use tokio::time::{Instant, sleep, timeout};

use super::{
    CallError, InstanceId, Instances,
    wire::{Frame, Outcome},
};
use crate::redis::{Received, Receiver, RedisError};

/// How long an answer that nobody hears is repeated, and how soon.
const ANSWERING: Duration = Duration::from_secs(5);
const BETWEEN_ANSWERS: Duration = Duration::from_millis(100);

impl Instances {
    /// Answers questions and takes notices of `service`. `handler` is called in the order of
    /// arrival, on Redis's thread; what it returns runs there beside the others.
    pub fn serve(
        &self,
        service: &'static str,
        handler: impl Fn(InstanceId, Bytes) -> BoxFuture<'static, Bytes> + Send + Sync + 'static,
    ) {
        let mut handlers = self
            .handlers
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        handlers.insert(service, Arc::new(handler));
    }

    /// Asks another instance. Dropping the future gives the answer up, not the question.
    pub async fn call(
        &self,
        to: &InstanceId,
        service: &'static str,
        request: Bytes,
        limit: Duration,
    ) -> Result<Bytes, CallError> {
        let call = self.calls.open(to);
        let frame = Frame::Request {
            from: self.id.to_string(),
            number: call.number,
            service: service.to_owned(),
            body: request.into(),
        };
        let sent = self.send(to, &frame);
        let answer = async {
            match sent.await {
                Ok(0) => return Err(self.why_deaf(to).await),
                Ok(_) => self.roster().expect(to),
                Err(RedisError::TimedOut | RedisError::Interrupted) => {}
                Err(_) => return Err(CallError::Unavailable),
            }
            call.answer().await
        };
        timeout(limit, answer)
            .await
            .unwrap_or(Err(CallError::TimedOut))
    }

    /// Tells another instance something, at most once.
    pub fn notify(&self, to: &InstanceId, service: &'static str, message: Bytes) {
        // Queued by now; whether it arrives nobody asks.
        drop(self.send(to, &self.notice(service, message)));
    }

    /// The same; true as soon as Redis has passed it on to the instance.
    pub async fn notified(&self, to: &InstanceId, service: &'static str, message: Bytes) -> bool {
        matches!(self.send(to, &self.notice(service, message)).await, Ok(1..))
    }

    fn notice(&self, service: &str, message: Bytes) -> Frame {
        Frame::Notice {
            from: self.id.to_string(),
            service: service.to_owned(),
            body: message.into(),
        }
    }

    fn send(
        &self,
        to: &InstanceId,
        frame: &Frame,
    ) -> impl Future<Output = Result<u64, RedisError>> + Send + use<> {
        let channel = self.channel(to);
        self.redis.pub_sub().publish(&channel, frame.encode())
    }

    /// Nobody listens on its channel: it is dead, or just now not connected.
    async fn why_deaf(&self, to: &InstanceId) -> CallError {
        match self.is_alive(to).await {
            Ok(false) => CallError::Gone,
            _ => CallError::Unavailable,
        }
    }

    /// Takes what arrives on the instance's channels.
    pub(super) async fn receive(this: Weak<Self>, mut receiver: Receiver) {
        while let Some(received) = receiver.recv().await {
            let Some(this) = this.upgrade() else { return };
            // What is lost here shows as a call that times out.
            if let Received::Message { channel, payload } = received {
                if channel.ends_with(":instances:left") {
                    this.has_left(&payload);
                } else if let Some(frame) = Frame::decode(&payload) {
                    this.on_frame(frame);
                }
            }
        }
    }

    fn on_frame(&self, frame: Frame) {
        match frame {
            Frame::Answer { number, outcome } => {
                let answer = match outcome {
                    Outcome::Done(body) => Ok(Bytes::from(body)),
                    Outcome::Refused => Err(CallError::Refused),
                };
                self.calls.answer(number, answer);
            }
            Frame::Request {
                from,
                number,
                service,
                body,
            } => {
                let from = InstanceId::new(&from);
                let handling = self.handle(&service, from.clone(), body);
                self.redis.spawn(self.respond(from, number, handling));
            }
            Frame::Notice {
                from,
                service,
                body,
            } => {
                if let Some(handling) = self.handle(&service, InstanceId::new(&from), body) {
                    self.redis.spawn(async move {
                        handling.await;
                    });
                }
            }
        }
    }

    /// Calls the handler now, in order; `None` if there is none, or too many are at work.
    fn handle(
        &self,
        service: &str,
        from: InstanceId,
        body: Vec<u8>,
    ) -> Option<impl Future<Output = Bytes> + Send + use<>> {
        let permit = self.serving.clone().try_acquire_owned().ok()?;
        let handlers = self.handlers.read().unwrap_or_else(PoisonError::into_inner);
        let handler = handlers.get(service)?.clone();
        drop(handlers);
        let handling = handler(from, Bytes::from(body));
        Some(async move {
            let answer = handling.await;
            drop(permit);
            answer
        })
    }

    fn respond<H: Future<Output = Bytes> + Send + 'static>(
        &self,
        to: InstanceId,
        number: u64,
        handling: Option<H>,
    ) -> impl Future<Output = ()> + Send + use<H> {
        let channel = self.channel(&to);
        let redis = self.redis.clone();
        async move {
            let outcome = match handling {
                Some(handling) => Outcome::Done(handling.await.into()),
                None => Outcome::Refused,
            };
            let frame = Frame::Answer { number, outcome }.encode();
            // Unheard while one of the two connects to Redis again. The asker takes one answer, and
            // has a limit of its own if none arrives.
            let deadline = Instant::now() + ANSWERING;
            while !matches!(
                redis.pub_sub().publish(&channel, frame.clone()).await,
                Ok(1..)
            ) && Instant::now() < deadline
            {
                sleep(BETWEEN_ANSWERS).await;
            }
        }
    }
}

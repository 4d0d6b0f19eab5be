//! Carries out one scenario, step by step, and stops at the first mismatch.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::compare;
use super::connection::{Connection, End, HubMessage, Next};
use super::hex;
use super::names::Names;
use super::scenario::*;
use crate::support::http::{self, Request, Response};
use crate::support::websocket::{self, Upgrade};
use crate::support::{Task, within};

const DEFAULT_TIMEOUT: u64 = 8000;

/// What differs from the recording.
#[derive(Debug)]
pub struct Mismatch(pub String);

impl From<std::io::Error> for Mismatch {
    fn from(error: std::io::Error) -> Self {
        Self(format!("the connection failed: {error}"))
    }
}

impl From<String> for Mismatch {
    fn from(text: String) -> Self {
        Self(text)
    }
}

type Checked<T = ()> = Result<T, Mismatch>;

/// A scenario that differs: at which step, and how.
pub struct Failure {
    pub step: Option<String>,
    pub mismatch: Mismatch,
}

pub async fn run(address: SocketAddr, scenario: &Scenario) -> Result<(), Failure> {
    let mut runner = Runner {
        address,
        ignore: &scenario.ignore,
        names: Names::default(),
        connections: HashMap::new(),
        pending: HashMap::new(),
        marks: HashMap::new(),
        step_start: Instant::now(),
    };
    let mut outcome = Ok(());
    for (source, step) in scenario.steps() {
        runner.step_start = Instant::now();
        if let Err(mismatch) = runner.step(step).await {
            outcome = Err(Failure {
                step: Some(source.to_owned()),
                mismatch,
            });
            break;
        }
    }
    if outcome.is_ok() {
        outcome = runner.nothing_is_left().map_err(|mismatch| Failure {
            step: None,
            mismatch,
        });
    }
    for connection in runner.connections.into_values() {
        connection.clean_up().await;
    }
    outcome
}

struct Runner<'a> {
    address: SocketAddr,
    ignore: &'a [MessageKind],
    names: Names,
    connections: HashMap<String, Connection>,
    pending: HashMap<String, Task<std::io::Result<Response>>>,
    marks: HashMap<String, Instant>,
    step_start: Instant,
}

/// One expected message: its template and the number of the repetition.
struct Wanted<'a> {
    template: &'a str,
    hex: bool,
    n: usize,
}

impl Runner<'_> {
    async fn step(&mut self, step: Step) -> Checked {
        match step {
            Step::Open(step) => self.open(step).await,
            Step::Http(step) => self.http(step).await,
            Step::Finish(step) => self.finish(step).await,
            Step::Abandon(step) => {
                self.pending.remove(&step.of);
                Ok(())
            }
            Step::Ws(step) => self.ws(step).await,
            Step::Sse(step) => self.sse(step).await,
            Step::Lp(step) => self.lp(step).await,
            Step::Send(step) => self.send(step).await,
            Step::Receive(step) => self.receive(step).await,
            Step::Raw(step) => self.raw(step).await,
            Step::Closed(step) => self.closed(step).await,
            Step::Nothing(step) => self.nothing(step).await,
            Step::Close(step) => {
                self.connection(&step.of)?
                    .close(step.code, &step.reason)
                    .await
            }
            Step::Drop(step) => {
                self.connection(&step.of)?.cut_off();
                Ok(())
            }
            Step::Pause(step) => self.connection(&step.of)?.pause(),
            Step::PingFrame(step) => {
                self.connection(&step.of)?
                    .ping(Duration::from_secs(2))
                    .await
            }
            Step::Differ(step) => self.differ(&step.names),
            Step::Mark(step) => {
                self.marks.insert(step.name, Instant::now());
                Ok(())
            }
            Step::Wait(step) => {
                tokio::time::sleep(Duration::from_millis(step.ms)).await;
                Ok(())
            }
        }
    }

    fn connection(&mut self, name: &str) -> Checked<&mut Connection> {
        let missing = || Mismatch(format!("no connection named {name}"));
        self.connections.get_mut(name).ok_or_else(missing)
    }

    /// At the end of a scenario every message must have been taken.
    fn nothing_is_left(&mut self) -> Checked {
        for (name, connection) in &mut self.connections {
            let mut left = connection.leftover();
            left.retain(|message| !is_kind(message, self.ignore));
            if !left.is_empty() {
                let texts: Vec<_> = left.iter().map(HubMessage::to_string).collect();
                return Err(Mismatch(format!(
                    "messages nobody expected on {name}: {}",
                    texts.join(" ")
                )));
            }
        }
        Ok(())
    }

    fn check_time(&self, timing: &Timing) -> Checked {
        let Some([least, most]) = timing.between else {
            return Ok(());
        };
        let start = match &timing.since {
            Some(mark) => *self
                .marks
                .get(mark)
                .ok_or_else(|| Mismatch(format!("no mark named {mark}")))?,
            None => self.step_start,
        };
        let took = start.elapsed().as_millis() as u64;
        if (least..=most).contains(&took) {
            return Ok(());
        }
        Err(Mismatch(format!(
            "came after {took} ms, expected {least} to {most} ms"
        )))
    }

    // ---------------------------------------------------------------- HTTP

    fn headers(&mut self, headers: &BTreeMap<String, String>) -> Checked<Vec<(String, String)>> {
        let fill =
            |(name, value): (&String, &String)| Ok((name.clone(), self.names.fill(value, 0)?));
        headers.iter().map(fill).collect()
    }

    async fn http(&mut self, step: Http) -> Checked {
        let body = match (&step.body_hex, &step.body) {
            (Some(template), _) => Some(hex::fill(&mut self.names, template, 0)?),
            (None, Some(template)) => {
                let parts = (0..step.times.unwrap_or(1)).map(|n| self.names.fill(template, n));
                Some(parts.collect::<Checked<String>>()?.into_bytes())
            }
            (None, None) => None,
        };
        let path = self.names.fill(&step.path, 0)?;
        let headers = self.headers(&step.headers)?;
        let request = Request {
            method: step.method,
            path,
            headers,
            body,
        };
        let address = self.address;
        let limit = Duration::from_millis(step.timeout.unwrap_or(DEFAULT_TIMEOUT));
        let task = Task::spawn(async move {
            match tokio::time::timeout(limit, http::send(address, &request)).await {
                Ok(answer) => answer,
                Err(_) => Err(std::io::Error::other(format!("no answer within {limit:?}"))),
            }
        });
        if let Some(name) = step.start {
            // The request is on its way before the next step begins.
            tokio::task::yield_now().await;
            self.pending.insert(name, task);
            return Ok(());
        }
        let answer = task.result().await?;
        compare::response(&mut self.names, &step.expect, &answer)?;
        self.check_time(&step.timing)
    }

    async fn finish(&mut self, step: Finish) -> Checked {
        let missing = || Mismatch(format!("no request named {}", step.of));
        let task = self.pending.remove(&step.of).ok_or_else(missing)?;
        let answer = task.result().await?;
        compare::response(&mut self.names, &step.expect, &answer)?;
        self.check_time(&step.timing)
    }

    // ---------------------------------------------------------------- connecting

    async fn ws(&mut self, step: Ws) -> Checked {
        let path = self.names.fill(&step.path, 0)?;
        let mut headers = self.headers(&step.headers)?;
        if step.deflate {
            let offer = "permessage-deflate; client_max_window_bits";
            headers.push(("Sec-WebSocket-Extensions".to_owned(), offer.to_owned()));
        }
        let limit = Duration::from_millis(step.timeout.unwrap_or(DEFAULT_TIMEOUT));
        let upgrade = websocket::connect(self.address, &path, &headers);
        let expect = Expect {
            status: step.expect.status.or(Some(101)),
            ..step.expect
        };
        match within(limit, "no answer to the upgrade", upgrade).await?? {
            Upgrade::Refused(response) => {
                compare::response(&mut self.names, &expect, &response)?;
                self.check_time(&step.timing)
            }
            Upgrade::Open(head, sender, mut receiver) => {
                let response = Response {
                    head,
                    body: Vec::new(),
                };
                compare::response(&mut self.names, &expect, &response)?;
                self.check_time(&step.timing)?;
                if step.answer_close == Some(false) {
                    receiver.ignore_close();
                }
                let connection = Connection::websocket(sender, receiver, step.resume);
                self.connections.insert(step.name, connection);
                Ok(())
            }
        }
    }

    async fn sse(&mut self, step: Sse) -> Checked {
        let path = self.names.fill(&step.path, 0)?;
        let mut headers = self.headers(&step.headers)?;
        if !headers
            .iter()
            .any(|(name, _)| name.eq_ignore_ascii_case("accept"))
        {
            headers.push(("Accept".to_owned(), "text/event-stream".to_owned()));
        }
        let request = Request {
            headers,
            ..Request::new("GET", path.clone())
        };
        let limit = Duration::from_millis(step.timeout.unwrap_or(DEFAULT_TIMEOUT));
        let (head, body) = within(limit, "no answer", http::open(self.address, &request)).await??;
        let kind = head.header("content-type").unwrap_or_default();
        let expect = Expect {
            status: step.expect.status.or(Some(200)),
            ..step.expect
        };
        if !kind.starts_with("text/event-stream") {
            let body = within(limit, "no end of the body", body.collect()).await??;
            return compare::response(&mut self.names, &expect, &Response { head, body });
        }
        compare::response(
            &mut self.names,
            &expect,
            &Response {
                head,
                body: Vec::new(),
            },
        )?;
        let connection = Connection::event_stream(self.address, path, body);
        self.connections.insert(step.name, connection);
        Ok(())
    }

    async fn lp(&mut self, step: Lp) -> Checked {
        let path = self.names.fill(&step.path, 0)?;
        let headers = self.headers(&step.headers)?;
        let poll = Request {
            headers,
            ..Request::new("GET", path)
        };
        let limit = Duration::from_millis(DEFAULT_TIMEOUT);
        let first = within(limit, "no answer", http::send(self.address, &poll)).await??;
        let expect = Expect {
            status: step.expect.status.or(Some(200)),
            body: step.expect.body.or(Some(String::new())),
            ..step.expect
        };
        compare::response(&mut self.names, &expect, &first)?;
        let connection =
            Connection::long_polling(self.address, poll, step.protocol == "messagepack");
        self.connections.insert(step.name, connection);
        Ok(())
    }

    /// Negotiate, connect and handshake, all of which must succeed.
    async fn open(&mut self, step: Open) -> Checked {
        let path = self.negotiate(&step).await?;
        let Open { name, headers, .. } = step;
        let answer_close = None;
        match step.transport {
            Transport::Ws => {
                let (expect, timing) = (Expect::default(), Timing::default());
                let (deflate, resume, timeout) = (false, false, None);
                let name = name.clone();
                self.ws(Ws {
                    name,
                    path,
                    headers,
                    deflate,
                    resume,
                    answer_close,
                    expect,
                    timeout,
                    timing,
                })
                .await?;
            }
            Transport::Sse => {
                let name = name.clone();
                self.sse(Sse {
                    name,
                    path,
                    headers,
                    expect: Expect::default(),
                    timeout: None,
                })
                .await?;
            }
            Transport::Lp => {
                let (name, protocol) = (name.clone(), step.protocol.clone());
                self.lp(Lp {
                    name,
                    path,
                    protocol,
                    headers,
                    expect: Expect::default(),
                })
                .await?;
            }
        }
        let request = format!(
            "{{\"protocol\":\"{}\",\"version\":{}}}\x1e",
            step.protocol, step.version
        );
        let connection = self.connection(&name)?;
        connection.send(request.as_bytes(), false).await?;
        let answer = connection
            .peek(Duration::from_millis(DEFAULT_TIMEOUT), |_| false)
            .await;
        match answer {
            Some(Next::Message(message)) if message.bytes == b"{}\x1e" => {
                if connection.is_websocket() && message.binary != (step.protocol == "messagepack") {
                    return Err(Mismatch(
                        "handshake answer in the wrong kind of frame".to_owned(),
                    ));
                }
                connection.pop();
                Ok(())
            }
            Some(Next::Message(message)) => Err(Mismatch(format!("handshake: {message}"))),
            Some(Next::End(end)) => Err(Mismatch(format!("handshake: the end, {end:?}"))),
            None => Err(Mismatch("no answer to the handshake".to_owned())),
        }
    }

    /// Binds the connection's id and token; gives the path to connect to.
    async fn negotiate(&mut self, step: &Open) -> Checked<String> {
        let extra = match step.query.as_str() {
            "" => String::new(),
            query => format!("&{query}"),
        };
        let stateful = if step.stateful {
            "&useStatefulReconnect=true"
        } else {
            ""
        };
        let path = format!("{}/negotiate?negotiateVersion=1{stateful}{extra}", step.hub);
        let headers = self.headers(&step.headers)?;
        let request = Request {
            headers,
            ..Request::new("POST", self.names.fill(&path, 0)?)
        };
        let limit = Duration::from_millis(DEFAULT_TIMEOUT);
        let answer = within(
            limit,
            "no answer to negotiate",
            http::send(self.address, &request),
        )
        .await??;
        let body = String::from_utf8_lossy(&answer.body).into_owned();
        let parsed: serde_json::Value = serde_json::from_str(&body).unwrap_or_default();
        let (Some(id), Some(token)) = (
            parsed["connectionId"].as_str(),
            parsed["connectionToken"].as_str(),
        ) else {
            return Err(Mismatch(format!(
                "negotiate: status {}, {body}",
                answer.head.status
            )));
        };
        self.names.bind(format!("id:{}", step.name), id.to_owned());
        self.names
            .bind(format!("token:{}", step.name), token.to_owned());
        Ok(format!("{}?id={token}{extra}", step.hub))
    }

    // ---------------------------------------------------------------- traffic

    async fn send(&mut self, step: Send) -> Checked {
        if !step.fragments.is_empty() {
            let parts = step.fragments.iter().map(|part| self.names.fill(part, 0));
            let parts = parts.collect::<Checked<Vec<_>>>()?;
            return self.connection(&step.to)?.send_fragments(&parts).await;
        }
        let mut chunks = Vec::new();
        for n in 0..step.times.unwrap_or(1) {
            for part in step.hex.as_slice() {
                chunks.push(hex::fill(&mut self.names, part, n)?);
            }
            for part in step.text.as_slice() {
                chunks.push(self.names.fill(part, n)?.into_bytes());
            }
        }
        if step.join {
            chunks = vec![chunks.concat()];
        }
        let is_hex = !step.hex.as_slice().is_empty();
        let binary = step
            .opcode
            .map_or(is_hex, |opcode| opcode == Opcode::Binary);
        let connection = self.connection(&step.to)?;
        for chunk in chunks {
            let limit = Duration::from_millis(DEFAULT_TIMEOUT);
            within(
                limit,
                "the message was not accepted",
                connection.send(&chunk, binary),
            )
            .await??;
        }
        Ok(())
    }

    /// The next message that is not ignored.
    async fn take(
        &mut self,
        from: &str,
        ignore: Option<&[MessageKind]>,
        timeout: Option<u64>,
    ) -> Checked<HubMessage> {
        let ignore = ignore.unwrap_or(self.ignore);
        let limit = Duration::from_millis(timeout.unwrap_or(DEFAULT_TIMEOUT));
        let connection = self.connection(from)?;
        match connection
            .peek(limit, |message| is_kind(message, ignore))
            .await
        {
            None => Err(Mismatch(format!("nothing came from {from} in time"))),
            Some(Next::End(end)) => Err(Mismatch(format!(
                "{from} ended ({end:?}) where a message was expected"
            ))),
            Some(Next::Message(HubMessage {
                broken: Some(why),
                bytes,
                ..
            })) => Err(Mismatch(format!(
                "{why}: {}",
                compare::clip(&String::from_utf8_lossy(&bytes))
            ))),
            Some(Next::Message(message)) => {
                connection.pop();
                Ok(message)
            }
        }
    }

    async fn receive(&mut self, step: Receive) -> Checked {
        let mut wanted = Vec::new();
        for n in 0..step.times.unwrap_or(1) {
            wanted.extend(step.text.as_slice().iter().map(|template| Wanted {
                template,
                hex: false,
                n,
            }));
            wanted.extend(step.hex.as_slice().iter().map(|template| Wanted {
                template,
                hex: true,
                n,
            }));
        }
        let ignore = step.ignore.as_deref();
        if step.order == Some(Order::Any) {
            let mut got = Vec::new();
            for _ in &wanted {
                got.push(self.take(&step.from, ignore, step.timeout).await?);
            }
            for want in &wanted {
                self.take_fitting(&step, want, &mut got)?;
            }
        } else {
            for want in &wanted {
                let got = self.take(&step.from, ignore, step.timeout).await?;
                self.fits(&step, want, &got)?;
            }
        }
        self.check_time(&step.timing)
    }

    fn take_fitting(
        &mut self,
        step: &Receive,
        want: &Wanted<'_>,
        got: &mut Vec<HubMessage>,
    ) -> Checked {
        let found = got
            .iter()
            .position(|message| self.fits(step, want, message).is_ok());
        let Some(found) = found else {
            let left: Vec<_> = got.iter().map(HubMessage::to_string).collect();
            return Err(Mismatch(format!(
                "(any order) missing {}; left: {}",
                want.template,
                left.join(" ")
            )));
        };
        got.remove(found);
        Ok(())
    }

    fn fits(&mut self, step: &Receive, want: &Wanted<'_>, got: &HubMessage) -> Checked {
        if self.connection(&step.from)?.is_websocket() && got.binary != want.hex {
            let kind = |binary| if binary { "binary" } else { "text" };
            return Err(Mismatch(format!(
                "a {} frame, expected {}: {got}",
                kind(got.binary),
                kind(want.hex)
            )));
        }
        if !want.hex {
            let text = String::from_utf8_lossy(&got.bytes);
            return compare::text(&mut self.names, want.template, &text, step.compare, want.n);
        }
        if hex::fits(&mut self.names, want.template, &got.bytes, want.n)? {
            return Ok(());
        }
        Err(Mismatch(format!(
            "\n      expected {}\n      got      {got}",
            want.template
        )))
    }

    async fn raw(&mut self, step: Raw) -> Checked {
        let want = self.names.fill(&step.text, 0)?;
        let limit = Duration::from_millis(step.timeout.unwrap_or(DEFAULT_TIMEOUT));
        let got = self.connection(&step.from)?.raw(want.len(), limit).await;
        if got == want.as_bytes() {
            return Ok(());
        }
        let got = String::from_utf8_lossy(&got).into_owned();
        Err(Mismatch(format!(
            "\n      expected {want:?}\n      got      {got:?}"
        )))
    }

    async fn closed(&mut self, step: Closed) -> Checked {
        let ignore = step.ignore.as_deref().unwrap_or(self.ignore);
        let limit = Duration::from_millis(step.timeout.unwrap_or(DEFAULT_TIMEOUT));
        let connection = self.connection(&step.from)?;
        let end = match connection
            .peek(limit, |message| is_kind(message, ignore))
            .await
        {
            None => return Err(Mismatch(format!("{} is still open", step.from))),
            Some(Next::Message(message)) => {
                return Err(Mismatch(format!(
                    "a message where the end was expected: {message}"
                )));
            }
            Some(Next::End(end)) => end,
        };
        let want = End {
            code: step.code,
            reason: step.reason,
            ended: step.ended,
            status: step.status,
        };
        if !end_fits(&want, &end) {
            return Err(Mismatch(format!("ended with {end:?}, expected {want:?}")));
        }
        self.check_time(&step.timing)
    }

    async fn nothing(&mut self, step: Nothing) -> Checked {
        let ignore = step.ignore.as_deref().unwrap_or(self.ignore);
        let limit = Duration::from_millis(step.ms);
        let connection = self.connection(&step.from)?;
        let got = match connection
            .peek(limit, |message| is_kind(message, ignore))
            .await
        {
            None => return Ok(()),
            Some(Next::Message(message)) => message.to_string(),
            Some(Next::End(end)) => format!("the end {end:?}"),
        };
        Err(Mismatch(format!(
            "{got} where nothing was expected for {} ms",
            step.ms
        )))
    }

    fn differ(&self, names: &[String]) -> Checked {
        let values: Vec<_> = names.iter().map(|name| self.names.get(name)).collect();
        let distinct: std::collections::HashSet<_> = values.iter().flatten().collect();
        if distinct.len() == names.len() {
            return Ok(());
        }
        Err(Mismatch(format!(
            "not all different: {names:?} = {values:?}"
        )))
    }
}

fn is_kind(message: &HubMessage, kinds: &[MessageKind]) -> bool {
    if kinds.is_empty() || message.broken.is_some() {
        return false;
    }
    let kind = message.message_type();
    kinds
        .iter()
        .any(|ignored| Some(ignored.message_type()) == kind)
}

/// Only what the expectation names is compared.
fn end_fits(want: &End, got: &End) -> bool {
    let End {
        code,
        reason,
        ended,
        status,
    } = want;
    (code.is_none() || *code == got.code)
        && (reason.is_none() || *reason == got.reason)
        && (ended.is_none() || *ended == got.ended)
        && (status.is_none() || *status == got.status)
}

//! Connections: negotiate, the three transports, the handshake.

use std::time::Duration;

use super::{Checked, DEFAULT_TIMEOUT, Mismatch, Runner};
use crate::conformance::compare;
use crate::conformance::connection::{Connection, Next};
use crate::conformance::scenario::*;
use crate::support::http::{self, Request, Response};
use crate::support::websocket::{self, Upgrade};
use crate::support::within;

impl Runner<'_> {
    pub(super) async fn ws(&mut self, step: Ws) -> Checked {
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

    pub(super) async fn sse(&mut self, step: Sse) -> Checked {
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

    pub(super) async fn lp(&mut self, step: Lp) -> Checked {
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
    pub(super) async fn open(&mut self, step: Open) -> Checked {
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
}

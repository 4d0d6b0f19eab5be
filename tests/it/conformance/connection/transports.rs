//! The three transports: a task for each reads what comes.

use std::net::SocketAddr;

use tokio::sync::{mpsc, oneshot};

use super::{Connection, End, Event, Upstream};
use crate::support::Task;
use crate::support::http::{self, Request};
use crate::support::websocket::{Incoming, Receiver, Sender};

impl Connection {
    pub fn websocket(sender: Sender, mut receiver: Receiver, resumed: bool) -> Self {
        let (events_in, events) = mpsc::unbounded_channel();
        let (pause, mut paused) = oneshot::channel();
        let reader = Task::spawn(async move {
            loop {
                let incoming = tokio::select! {
                    incoming = receiver.next() => incoming,
                    // There is no step to read on, so what was read of a message may be forgotten;
                    // the receiver itself stays, lest the socket be closed.
                    _ = &mut paused => std::future::pending().await,
                };
                let event = match incoming {
                    Incoming::Message { bytes, binary } => Event::Chunk { bytes, binary },
                    Incoming::Pong => Event::Pong,
                    Incoming::Closed { code, reason } => {
                        let end = End {
                            code: Some(code),
                            reason: Some(reason),
                            ..End::default()
                        };
                        let _ = events_in.send(Event::End(end));
                        return;
                    }
                };
                let _ = events_in.send(event);
            }
        });
        let mut connection = Self::new(
            Upstream::WebSocket {
                sender,
                pause: Some(pause),
            },
            events,
            reader,
        );
        connection.greeted = resumed;
        connection
    }

    pub fn event_stream(address: SocketAddr, path: String, mut body: http::Body) -> Self {
        let (events_in, events) = mpsc::unbounded_channel();
        let reader = Task::spawn(async move {
            let end = loop {
                match body.chunk().await {
                    Ok(Some(bytes)) => drop(events_in.send(Event::Stream(bytes))),
                    Ok(None) => {
                        break End {
                            ended: Some(true),
                            ..End::default()
                        };
                    }
                    Err(_) => break End::default(),
                }
            };
            let _ = events_in.send(Event::End(end));
        });
        Self::new(
            Upstream::Post {
                address,
                path,
                delete_at_end: false,
            },
            events,
            reader,
        )
    }

    /// Polls again and again; the first poll, which starts the connection, has been answered already.
    pub fn long_polling(address: SocketAddr, poll: Request, binary: bool) -> Self {
        let (events_in, events) = mpsc::unbounded_channel();
        let path = poll.path.clone();
        let reader = Task::spawn(async move {
            let end = loop {
                match http::send(address, &poll).await {
                    Ok(answer) if answer.head.status == 200 => {
                        let _ = events_in.send(Event::Chunk {
                            bytes: answer.body,
                            binary,
                        });
                    }
                    Ok(answer) => {
                        break End {
                            status: Some(answer.head.status),
                            ..End::default()
                        };
                    }
                    Err(_) => break End::default(),
                }
            };
            let _ = events_in.send(Event::End(end));
        });
        Self::new(
            Upstream::Post {
                address,
                path,
                delete_at_end: true,
            },
            events,
            reader,
        )
    }
}

//! Makes the link that the options ask for.

use crate::ws::Sink;
use std::collections::VecDeque;

use super::{
    Acks, HttpLink, InvokeLink, InvokeSink, Kind, Link, PubCfg, RedisKind, RedisLink, Slots, Sock,
};
use crate::client::{Cfg, errname, runtime};
use crate::stats::now_ns;
use crate::template::{RedisPayload, Template};
use crate::ws::Proto;

/// Builds the link; also the place where templates are checked, before anything connects.
pub fn link(p: &PubCfg, cfg: &Cfg) -> Result<Box<dyn Link>, String> {
    Ok(match &p.kind {
        Kind::Invoke {
            url,
            target,
            args,
            fire_and_forget,
        } => {
            let tpl = Template::message(cfg.proto, 1, !fire_and_forget, target, args)?;
            let rt = runtime();
            let (sock, wire, extra) = rt.block_on(async {
                let o = crate::client::open(cfg, url, None)
                    .await
                    .map_err(|e| format!("publisher: {e}"))?;
                let conn = std::rc::Rc::try_unwrap(o.conn).map_err(|_| "conn")?;
                Ok::<_, String>((conn.into_std().map_err(|e| errname(&e))?, o.wire, o.extra))
            })?;
            let mut sink = InvokeSink {
                proto: cfg.proto,
                slots: Slots::new(p.inflight),
                acks: Acks::default(),
                pong: vec![],
                closed: None,
            };
            for r in extra {
                sink.record(&r);
            }
            Box::new(InvokeLink {
                sock: Sock::new(sock).map_err(|e| errname(&e))?,
                wire,
                sink,
                tpl,
                tmp: Vec::new(),
                with_id: !fire_and_forget,
                last_ping: now_ns(),
            })
        }
        Kind::Http {
            url,
            method,
            content_type,
            body,
        } => {
            let body = Template::parse(body)?;
            let head = format!(
                "{method} {} HTTP/1.1\r\nHost: {}\r\nContent-Type: {content_type}\r\n{}Content-Length: ",
                url.path_query(),
                url.host,
                cfg.headers
            );
            let socks = (0..p.inflight)
                .map(|_| Ok((Sock::dial(url.addr)?, 0, Vec::new())))
                .collect::<Result<Vec<_>, String>>()?;
            Box::new(HttpLink {
                url: url.clone(),
                head: head.into_bytes(),
                body,
                tmp: vec![],
                free: (0..socks.len()).rev().collect(),
                socks,
                acks: Acks::default(),
            })
        }
        Kind::Redis {
            addr,
            channel,
            payload,
        } => {
            let payload = match payload {
                RedisKind::Aspnet {
                    target,
                    args,
                    excluded_nil,
                } => Ok(RedisPayload::new(target, args, *excluded_nil)?),
                RedisKind::Raw(t) => Err(Template::parse(t)?),
            };
            let head = format!(
                "*3\r\n$7\r\nPUBLISH\r\n${}\r\n{channel}\r\n$",
                channel.len()
            );
            Box::new(RedisLink {
                sock: Sock::dial(*addr)?,
                head: head.into_bytes(),
                payload,
                tmp: vec![],
                sent: VecDeque::new(),
                inflight: p.inflight,
                inp: vec![],
                acks: Acks::default(),
            })
        }
    })
}

/// Syntax of the templates, before anything is started.
pub fn check(p: &PubCfg, proto: Proto) -> Result<(), String> {
    match &p.kind {
        Kind::Invoke { target, args, .. } => {
            Template::message(proto, 1, true, target, args).map(drop)
        }
        Kind::Http { body, .. } => Template::parse(body).map(drop),
        Kind::Redis {
            payload: RedisKind::Aspnet { target, args, .. },
            ..
        } => RedisPayload::new(target, args, false).map(drop),
        Kind::Redis {
            payload: RedisKind::Raw(t),
            ..
        } => Template::parse(t).map(drop),
    }
}

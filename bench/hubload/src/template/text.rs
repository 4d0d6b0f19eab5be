//! Templates: parsed once, rendered without an allocation.

use super::{Part, Vars, filler, push_lit, put_dec, put_dec_fixed};

#[derive(Debug, Clone)]
pub struct Template {
    pub(super) parts: Vec<Part>,
}

impl Template {
    pub fn parse(text: &str) -> Result<Template, String> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some(at) = rest.find("{{") {
            let end = rest[at..].find("}}").map(|e| at + e);
            let Some(end) = end else { break };
            let name = rest[at + 2..end].trim();
            let part = if name == "seq" {
                Part::Seq
            } else if name == "ts" {
                Part::Ts
            } else if name == "i" {
                Part::I(0)
            } else if let Some(m) = name.strip_prefix("i%") {
                let m: u64 = m
                    .trim()
                    .parse()
                    .map_err(|_| format!("bad placeholder {{{{{name}}}}}"))?;
                if m == 0 {
                    return Err("{{i%0}} makes no sense".into());
                }
                Part::I(m)
            } else if let Some(n) = name.strip_prefix("pad:") {
                let n: usize = n
                    .trim()
                    .parse()
                    .map_err(|_| format!("bad placeholder {{{{{name}}}}}"))?;
                if n > 16 << 20 {
                    return Err("{{pad:N}} is limited to 16 MiB".into());
                }
                Part::Lit(filler(n))
            } else {
                // Not ours: JSON such as {"a":{"b":{}}} may well contain "}}", and even "{{" is no
                // JSON; leave the text alone but complain about what looks like a misspelling.
                if !name.is_empty()
                    && name
                        .chars()
                        .all(|c| c.is_ascii_alphanumeric() || c == ':' || c == '%')
                {
                    return Err(format!("unknown placeholder {{{{{name}}}}}"));
                }
                push_lit(&mut parts, &rest.as_bytes()[..at + 2]);
                rest = &rest[at + 2..];
                continue;
            };
            push_lit(&mut parts, &rest.as_bytes()[..at]);
            match part {
                Part::Lit(b) => push_lit(&mut parts, &b),
                p => parts.push(p),
            }
            rest = &rest[end + 2..];
        }
        push_lit(&mut parts, rest.as_bytes());
        Ok(Template { parts })
    }

    pub(super) fn fixed_len(&self) -> usize {
        self.parts
            .iter()
            .map(|p| match p {
                Part::Lit(b) => b.len(),
                Part::SeqU64 | Part::TsU64 => 9,
                Part::Seq16 | Part::Ts16 => 16,
                Part::Id10 => 10,
                _ => unreachable!("a part without a fixed width"),
            })
            .sum()
    }

    /// True when the text has {{i}}: it differs from connection to connection.
    pub fn per_connection(args: &str) -> bool {
        Template::parse(args)
            .map(|t| t.parts.iter().any(|p| matches!(p, Part::I(_))))
            .unwrap_or(false)
    }

    #[inline]
    pub fn render(&self, out: &mut Vec<u8>, v: &Vars) {
        for p in &self.parts {
            match p {
                Part::Lit(b) => out.extend_from_slice(b),
                Part::Seq => put_dec(out, v.seq),
                Part::Ts => put_dec(out, v.ts),
                Part::I(0) => put_dec(out, v.i),
                Part::I(m) => put_dec(out, v.i % m),
                Part::Id => put_dec(out, v.id),
                Part::SeqU64 => {
                    out.push(0xcf);
                    out.extend_from_slice(&v.seq.to_be_bytes());
                }
                Part::TsU64 => {
                    out.push(0xcf);
                    out.extend_from_slice(&v.ts.to_be_bytes());
                }
                Part::Seq16 => put_dec_fixed(out, v.seq, 16),
                Part::Ts16 => put_dec_fixed(out, v.ts, 16),
                Part::Id10 => put_dec_fixed(out, v.id, 10),
            }
        }
    }
}

//! Placeholders in texts: filled in what is sent, matched and bound in what is received.

use std::collections::HashMap;

use super::runner::Mismatch;

/// `{{kind:name}}`, or text between placeholders.
#[derive(Debug, PartialEq)]
pub enum Piece<'a> {
    Literal(&'a str),
    Hole { kind: &'a str, name: &'a str },
}

const KINDS: [&str; 9] = [
    "id", "token", "inv", "unique", "repeat", "any", "n", "len", "mstr",
];

/// Cuts a template into literals and placeholders.
pub fn pieces(template: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut literal = 0;
    let mut at = 0;
    while let Some(found) = template[at..].find("{{") {
        let start = at + found;
        let Some((hole, length)) = hole(&template[start..]) else {
            at = start + 1;
            continue;
        };
        pieces.push(Piece::Literal(&template[literal..start]));
        pieces.push(hole);
        at = start + length;
        literal = at;
    }
    pieces.push(Piece::Literal(&template[literal..]));
    pieces
}

fn hole(text: &str) -> Option<(Piece<'_>, usize)> {
    let end = text.find("}}")?;
    let inner = &text[2..end];
    let (kind, name) = inner.split_once(':').unwrap_or((inner, ""));
    let known = KINDS.contains(&kind) && !name.contains(['{', '}']);
    known.then_some((Piece::Hole { kind, name }, end + 2))
}

/// May the text stand for an id the server makes?
pub fn has_shape(kind: &str, text: &str) -> bool {
    match kind {
        "inv" => (1..=128).contains(&text.chars().count()) && !text.contains(['"', '\\']),
        _ => (22..=200).contains(&text.len()) && text.bytes().all(is_token_byte),
    }
}

fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'
}

/// The names a scenario has bound so far, by `kind:name`.
#[derive(Default)]
pub struct Names {
    bound: HashMap<String, String>,
}

/// A template whose known placeholders have been replaced.
enum Part {
    Literal(String),
    Any,
    Unbound { kind: String, key: String },
}

impl Names {
    pub fn get(&self, key: &str) -> Option<&str> {
        self.bound.get(key).map(String::as_str)
    }

    pub fn bind(&mut self, key: String, value: String) {
        self.bound.insert(key, value);
    }

    /// What the placeholder stands for; `n` is the number of the repetition.
    pub fn value(&mut self, kind: &str, name: &str, n: usize) -> Option<String> {
        match kind {
            "n" => Some(n.to_string()),
            "repeat" => {
                let (text, times) = name.rsplit_once(':')?;
                Some(text.repeat(times.parse().ok()?))
            }
            "unique" => {
                let make = || format!("u{:016x}", rand::random::<u64>());
                Some(
                    self.bound
                        .entry(format!("unique:{name}"))
                        .or_insert_with(make)
                        .clone(),
                )
            }
            _ => self.bound.get(&format!("{kind}:{name}")).cloned(),
        }
    }

    /// A text to send: every placeholder must have a value.
    pub fn fill(&mut self, template: &str, n: usize) -> Result<String, Mismatch> {
        let mut filled = String::new();
        for piece in pieces(template) {
            match piece {
                Piece::Literal(text) => filled.push_str(text),
                Piece::Hole { kind, name } => {
                    let value = self.value(kind, name, n);
                    let missing = || Mismatch(format!("{{{{{kind}:{name}}}}} has no value yet"));
                    filled.push_str(&value.ok_or_else(missing)?);
                }
            }
        }
        Ok(filled)
    }

    /// Does the text fit the template? Unbound names are bound by a match.
    pub fn fits(&mut self, template: &str, actual: &str, n: usize) -> bool {
        let parts = self.parts(template, n);
        let mut binds = Vec::new();
        if !fit(&parts, actual, &mut binds) {
            return false;
        }
        self.bound.extend(binds);
        true
    }

    fn parts(&mut self, template: &str, n: usize) -> Vec<Part> {
        let mut parts = Vec::new();
        for piece in pieces(template) {
            parts.push(match piece {
                Piece::Literal("") => continue,
                Piece::Literal(text) => Part::Literal(text.to_owned()),
                Piece::Hole { kind: "any", .. } => Part::Any,
                Piece::Hole { kind, name } => match self.value(kind, name, n) {
                    Some(value) => Part::Literal(value),
                    None => Part::Unbound {
                        kind: kind.to_owned(),
                        key: format!("{kind}:{name}"),
                    },
                },
            });
        }
        parts
    }
}

fn fit(parts: &[Part], text: &str, binds: &mut Vec<(String, String)>) -> bool {
    let Some((part, rest)) = parts.split_first() else {
        return text.is_empty();
    };
    match part {
        Part::Literal(literal) => text
            .strip_prefix(literal.as_str())
            .is_some_and(|text| fit(rest, text, binds)),
        Part::Any if rest.is_empty() => true,
        Part::Any => ends(text).any(|end| fit(rest, &text[end..], binds)),
        Part::Unbound { kind, key } => {
            if let Some((_, value)) = binds.iter().find(|(bound, _)| bound == key) {
                let value = value.clone();
                return text
                    .strip_prefix(&value)
                    .is_some_and(|text| fit(rest, text, binds));
            }
            let depth = binds.len();
            ends(text).take(201).any(|end| {
                binds.truncate(depth);
                binds.push((key.clone(), text[..end].to_owned()));
                has_shape(kind, &text[..end]) && fit(rest, &text[end..], binds)
            })
        }
    }
}

/// Every place where a prefix of the text may end.
fn ends(text: &str) -> impl Iterator<Item = usize> {
    text.char_indices().map(|(at, _)| at).chain([text.len()])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_is_cut_at_its_placeholders() {
        let hole = |kind, name| Piece::Hole { kind, name };
        let literal = Piece::Literal;
        assert_eq!(
            pieces("a{{id:x}}b"),
            [literal("a"), hole("id", "x"), literal("b")]
        );
        assert_eq!(pieces("{{{n}}"), [literal("{"), hole("n", ""), literal("")]);
        assert_eq!(pieces("{{odd}}"), [literal("{{odd}}")]);
    }

    #[test]
    fn a_name_is_bound_by_its_first_match_and_compared_later() {
        let mut names = Names::default();
        let id = "ABCDEFGHIJKLMNOPQRSTUV";
        assert!(names.fits("id={{id:a}}&x={{any}}!", &format!("id={id}&x=1!2!"), 0));
        assert!(names.fits("{{id:a}}", id, 0));
        assert!(!names.fits("{{id:a}}", "0BCDEFGHIJKLMNOPQRSTUV", 0));
        assert!(!names.fits("{{id:b}}", "too-short", 0));
    }

    #[test]
    fn the_same_unbound_name_must_match_the_same_text_twice() {
        let [one, two] = ["ABCDEFGHIJKLMNOPQRSTUV", "0BCDEFGHIJKLMNOPQRSTUV"];
        assert!(Names::default().fits("{{id:a}} {{id:a}}", &format!("{one} {one}"), 0));
        assert!(!Names::default().fits("{{id:a}} {{id:a}}", &format!("{one} {two}"), 0));
    }
}

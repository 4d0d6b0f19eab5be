//! Hex templates: bytes with length prefixes (`{{len}}`) and MessagePack strings (`{{mstr:…}}`) to be
//! filled in or matched.

use super::names::{Names, Piece, has_shape, pieces};
use super::runner::Mismatch;

/// The bytes a template stands for. `{{len}}` becomes the length of what follows up to the next one.
pub fn fill(names: &mut Names, template: &str, n: usize) -> Result<Vec<u8>, Mismatch> {
    let mut out = Vec::new();
    let mut section = None;
    for piece in pieces(template) {
        if let Piece::Hole { kind: "len", .. } = piece {
            prefix_section(&mut out, section);
            section = Some(out.len());
        } else {
            out.extend(bytes(names, &piece, n)?);
        }
    }
    prefix_section(&mut out, section);
    Ok(out)
}

fn prefix_section(out: &mut Vec<u8>, section: Option<usize>) {
    if let Some(start) = section {
        let prefix = length_prefix(out.len() - start);
        out.splice(start..start, prefix);
    }
}

fn bytes(names: &mut Names, piece: &Piece<'_>, n: usize) -> Result<Vec<u8>, Mismatch> {
    match piece {
        Piece::Literal(text) => decode(text),
        Piece::Hole {
            kind: "repeat",
            name,
        } => {
            let repeated = names.value("repeat", name, n).unwrap_or_default();
            decode(&repeated)
        }
        Piece::Hole { kind: "mstr", name } => {
            let (kind, name) = name.split_once(':').unwrap_or((name, ""));
            let value = names.value(kind, name, n);
            let missing = || Mismatch(format!("{{{{mstr:{kind}:{name}}}}} has no value yet"));
            Ok(pack_string(&value.ok_or_else(missing)?))
        }
        Piece::Hole { kind, .. } => Err(Mismatch(format!("{{{{{kind}}}}} is not for hex"))),
    }
}

/// Do the bytes fit the template? Unbound names are bound by a match.
pub fn fits(names: &mut Names, template: &str, actual: &[u8], n: usize) -> Result<bool, Mismatch> {
    let mut rest = actual;
    let mut binds = Vec::new();
    for piece in pieces(template) {
        match piece {
            Piece::Hole { kind: "len", .. } => match read_prefix(rest) {
                Some((length, after)) if length == after.len() => rest = after,
                _ => return Ok(false),
            },
            Piece::Hole { kind: "mstr", name } if is_unbound(names, name, n) => {
                let Some((text, after)) = read_string(rest) else {
                    return Ok(false);
                };
                if !has_shape(name.split(':').next().unwrap_or_default(), text) {
                    return Ok(false);
                }
                binds.push((name.to_owned(), text.to_owned()));
                rest = after;
            }
            piece => match rest.strip_prefix(bytes(names, &piece, n)?.as_slice()) {
                Some(after) => rest = after,
                None => return Ok(false),
            },
        }
    }
    for (key, value) in binds {
        names.bind(key, value);
    }
    Ok(rest.is_empty())
}

fn is_unbound(names: &mut Names, name: &str, n: usize) -> bool {
    let (kind, name) = name.split_once(':').unwrap_or((name, ""));
    names.value(kind, name, n).is_none()
}

pub fn decode(text: &str) -> Result<Vec<u8>, Mismatch> {
    let digits: Vec<u8> = text
        .bytes()
        .filter(|byte| !byte.is_ascii_whitespace())
        .collect();
    let byte = |pair: &[u8]| {
        let text = std::str::from_utf8(pair).ok()?;
        (pair.len() == 2).then(|| u8::from_str_radix(text, 16).ok())?
    };
    let bytes: Option<Vec<u8>> = digits.chunks(2).map(byte).collect();
    bytes.ok_or_else(|| Mismatch(format!("not hex: {text}")))
}

pub fn encode(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The length prefix of a MessagePack hub message.
pub fn length_prefix(mut length: usize) -> Vec<u8> {
    let mut prefix = Vec::new();
    while length > 0x7F {
        prefix.push(length as u8 | 0x80);
        length >>= 7;
    }
    prefix.push(length as u8);
    prefix
}

/// The length and what comes behind its prefix.
pub fn read_prefix(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let mut length = 0;
    for (index, byte) in bytes.iter().take(5).enumerate() {
        length |= usize::from(byte & 0x7F) << (7 * index);
        if byte & 0x80 == 0 {
            return Some((length, &bytes[index + 1..]));
        }
    }
    None
}

fn pack_string(text: &str) -> Vec<u8> {
    let mut packed = match text.len() {
        short @ 0..32 => vec![0xA0 | short as u8],
        medium @ 32..256 => vec![0xD9, medium as u8],
        long => vec![0xDA, (long >> 8) as u8, long as u8],
    };
    packed.extend_from_slice(text.as_bytes());
    packed
}

fn read_string(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let (length, text) = match *bytes {
        [0xD9, length, ref text @ ..] => (usize::from(length), text),
        [0xDA, high, low, ref text @ ..] => (usize::from(u16::from_be_bytes([high, low])), text),
        [head @ 0xA0..=0xBF, ref text @ ..] => (usize::from(head & 0x1F), text),
        _ => return None,
    };
    let (text, rest) = text.split_at_checked(length)?;
    Some((std::str::from_utf8(text).ok()?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_and_strings_are_filled_in() {
        let mut names = Names::default();
        names.bind("id:a".to_owned(), "abc".to_owned());
        assert_eq!(
            fill(&mut names, "{{len}}9106{{len}}92{{mstr:id:a}}", 0).unwrap(),
            decode("029106 0592a3616263").unwrap()
        );
        assert_eq!(
            fill(&mut names, "{{repeat:00 01:2}}", 0).unwrap(),
            [0, 1, 0, 1]
        );
    }

    #[test]
    fn lengths_are_checked_and_strings_are_bound() {
        let mut names = Names::default();
        let bytes = decode("0792a573313233c0").unwrap();
        assert!(!fits(&mut names, "{{len}}92{{mstr:id:q}}c0", &bytes, 0).unwrap());
        let bytes = decode("0792a47331323390").unwrap();
        assert!(fits(&mut names, "{{len}}92{{mstr:inv:q}}90", &bytes, 0).unwrap());
        assert_eq!(names.get("inv:q"), Some("s123"));
        assert!(!fits(&mut names, "{{len}}92{{mstr:inv:q}}9090", &bytes, 0).unwrap());
    }
}

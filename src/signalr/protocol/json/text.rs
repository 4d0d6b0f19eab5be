//! JSON strings, spelled as the reference spells them.
//!
//! Its "relaxed" encoder leaves letters of every script alone, and HTML too, but escapes what has
//! no shape on paper: control characters, unusual spaces, private use, and everything beyond the
//! first 65,536 characters. Any JSON reader sees the same either way.

/// Appends a quoted string.
pub fn write_string(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    write_escaped(out, text);
    out.push(b'"');
}

/// Appends a string without quotes.
pub fn write_escaped(out: &mut Vec<u8>, text: &str) {
    let bytes = text.as_bytes();
    let mut clean = 0;
    let mut index = 0;
    while let Some(offset) = bytes[index..]
        .iter()
        .position(|&byte| SUSPICIOUS[usize::from(byte)])
    {
        index += offset;
        // A suspicious byte is never inside a character, so this is where one starts.
        let Some(character) = text[index..].chars().next() else {
            break;
        };
        let end = index + character.len_utf8();
        if is_escaped(character) {
            out.extend_from_slice(&bytes[clean..index]);
            write_escape(out, character);
            clean = end;
        }
        index = end;
    }
    out.extend_from_slice(&bytes[clean..]);
}

/// The first bytes of characters that may have to be escaped.
static SUSPICIOUS: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = matches!(
            byte as u8,
            0x00..0x20 | b'"' | b'\\' | 0x7f | 0xc2 | 0xe1..=0xe3 | 0xee | 0xef | 0xf0..=0xf4
        );
        byte += 1;
    }
    table
};

fn is_escaped(character: char) -> bool {
    matches!(
        character,
        '\0'..'\x20'
            | '"'
            | '\\'
            | '\u{7f}'..='\u{a0}'
            | '\u{1680}'
            | '\u{2000}'..='\u{200a}'
            | '\u{2028}'
            | '\u{2029}'
            | '\u{202f}'
            | '\u{205f}'
            | '\u{3000}'
            | '\u{e000}'..='\u{f8ff}'
            | '\u{fdd0}'..='\u{fdef}'
            | '\u{feff}'
            | '\u{fffe}'..
    )
}

fn write_escape(out: &mut Vec<u8>, character: char) {
    let short = match character {
        '"' => b'"',
        '\\' => b'\\',
        '\n' => b'n',
        '\r' => b'r',
        '\t' => b't',
        '\x08' => b'b',
        '\x0c' => b'f',
        _ => return write_unicode_escape(out, character),
    };
    out.extend_from_slice(&[b'\\', short]);
}

fn write_unicode_escape(out: &mut Vec<u8>, character: char) {
    for unit in character.encode_utf16(&mut [0; 2]) {
        out.extend_from_slice(b"\\u");
        for shift in [12, 8, 4, 0] {
            let digit = (*unit >> shift) as usize & 0xf;
            out.push(b"0123456789ABCDEF"[digit]);
        }
    }
}

//! The top level of a JSON hub message, as slices of it.

/// The top level of a hub message, as slices of it.
pub struct Msg<'a> {
    pub(super) ty: u8,
    pub(super) id: Option<&'a [u8]>,
    pub(super) target: &'a [u8],
    pub(super) args: &'a [u8],
}

impl<'a> Msg<'a> {
    pub(super) fn parse(b: &'a [u8]) -> Option<Msg<'a>> {
        let mut m = Msg {
            ty: 0,
            id: None,
            target: b"",
            args: b"[]",
        };
        let mut i = ws_skip(b, 0);
        if *b.get(i)? != b'{' {
            return None;
        }
        i = ws_skip(b, i + 1);
        while *b.get(i)? != b'}' {
            let ke = skip_value(b, i)?;
            let key = unquote(&b[i..ke])?;
            i = ws_skip(b, ke);
            if *b.get(i)? != b':' {
                return None;
            }
            i = ws_skip(b, i + 1);
            let ve = skip_value(b, i)?;
            let v = &b[i..ve];
            match key {
                b"type" => m.ty = *v.first()?,
                b"invocationId" => m.id = unquote(v),
                b"target" => m.target = unquote(v)?,
                b"arguments" => m.args = v,
                _ => {}
            }
            i = ws_skip(b, ve);
            if *b.get(i)? == b',' {
                i = ws_skip(b, i + 1);
            }
        }
        Some(m)
    }

    pub(super) fn arg(&self, n: usize) -> Option<&'a [u8]> {
        let b = self.args;
        let mut i = ws_skip(b, 1);
        for k in 0.. {
            if matches!(*b.get(i)?, b']') {
                return None;
            }
            let e = skip_value(b, i)?;
            if k == n {
                return Some(&b[i..e]);
            }
            i = ws_skip(b, e);
            if *b.get(i)? == b',' {
                i = ws_skip(b, i + 1);
            }
        }
        None
    }
}

/// Index just behind the JSON value that begins at `i`.
pub fn skip_value(b: &[u8], mut i: usize) -> Option<usize> {
    match *b.get(i)? {
        b'"' => loop {
            i += 1;
            i += memchr::memchr2(b'"', b'\\', &b[i..])?;
            if b[i] == b'"' {
                return Some(i + 1);
            }
            i += 1;
        },
        b'{' | b'[' => {
            let mut depth = 0usize;
            loop {
                match *b.get(i)? {
                    b'{' | b'[' => depth += 1,
                    b'}' | b']' => {
                        depth -= 1;
                        if depth == 0 {
                            return Some(i + 1);
                        }
                    }
                    b'"' => {
                        i = skip_value(b, i)?;
                        continue;
                    }
                    _ => {}
                }
                i += 1;
            }
        }
        _ => {
            while i < b.len() && !matches!(b[i], b',' | b'}' | b']' | b' ' | b'\n' | b'\r' | b'\t')
            {
                i += 1;
            }
            Some(i)
        }
    }
}

pub fn ws_skip(b: &[u8], mut i: usize) -> usize {
    while i < b.len() && matches!(b[i], b' ' | b'\n' | b'\r' | b'\t') {
        i += 1;
    }
    i
}

pub fn unquote(v: &[u8]) -> Option<&[u8]> {
    (v.len() >= 2 && v[0] == b'"').then(|| &v[1..v.len() - 1])
}

//! The escapes of a URL: which bytes each part may have as they are.

/// A part of a URL.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    User,
    Host,
    /// The zone of an IPv6 address.
    Zone,
    Path,
    Fragment,
}

/// Whether a byte stands for itself when the part is written.
fn is_usual(byte: u8, part: Part) -> bool {
    let marks: &[u8] = match part {
        Part::User => b"$&+,;=",
        Part::Host | Part::Zone => b"!\"$&'()*+,:;<=>[]",
        Part::Path => b"$&+,/:;=@",
        Part::Fragment => b"!$&()*+,/:;=?@",
    };
    byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) || marks.contains(&byte)
}

pub(super) fn escape(text: &[u8], part: Part) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    for byte in text {
        if is_usual(*byte, part) {
            out.push(*byte);
        } else {
            let digit = |value: u8| b"0123456789ABCDEF"[usize::from(value)];
            out.extend([b'%', digit(byte >> 4), digit(byte & 15)]);
        }
    }
    out
}

/// Whether a path or fragment may be written like this, though it is not how we would.
pub(super) fn is_valid(raw: &[u8], part: Part) -> bool {
    let legal = |byte: &u8| b"!$&'()*+,;=:@[]%".contains(byte) || is_usual(*byte, part);
    raw.iter().all(legal)
}

/// The value of the two digits that follow a `%`.
fn escaped(digits: Option<&[u8]>) -> Option<u8> {
    let text = str::from_utf8(digits?).ok()?;
    let are_digits = text.bytes().all(|byte| byte.is_ascii_hexdigit());
    are_digits.then(|| u8::from_str_radix(text, 16).ok())?
}

pub(super) fn unescape(text: &[u8], part: Part) -> Result<Vec<u8>, String> {
    let mut out = Vec::with_capacity(text.len());
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        if byte != b'%' {
            let in_host = matches!(part, Part::Host | Part::Zone);
            if in_host && byte.is_ascii() && !is_usual(byte, part) {
                let shown = char::from(byte).to_string();
                return Err(format!("invalid character {shown:?} in host name"));
            }
            out.push(byte);
            at += 1;
            continue;
        }
        let value = escaped(text.get(at + 1..at + 3));
        match value.filter(|value| is_allowed(*value, part)) {
            Some(value) => out.push(value),
            None => {
                let shown = &text[at..text.len().min(at + 3)];
                let shown = String::from_utf8_lossy(shown).into_owned();
                return Err(format!("invalid URL escape {shown:?}"));
            }
        }
        at += 3;
    }
    Ok(out)
}

/// Whether a byte may be escaped: in a host only what is not ASCII, in a zone what could stand there anyway.
fn is_allowed(value: u8, part: Part) -> bool {
    match part {
        Part::Host => !value.is_ascii() || value == b'%',
        Part::Zone => value == b'%' || value == b' ' || is_usual(value, part),
        _ => true,
    }
}

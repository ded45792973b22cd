//! Base32 and base64 as Go decodes them: line breaks are passed over, and an error says at which byte.

const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// The number that a letter of an alphabet stands for.
fn digit(alphabet: &[u8], letter: u8) -> Option<u8> {
    let at = alphabet.iter().position(|known| *known == letter)?;
    u8::try_from(at).ok()
}

fn is_break(letter: u8) -> bool {
    matches!(letter, b'\n' | b'\r')
}

/// Appends the bytes that are whole in digits of so many bits.
fn push_bytes(out: &mut Vec<u8>, digits: &[u8], bits: usize) {
    let joined = digits
        .iter()
        .fold(0_u64, |joined, digit| joined << bits | u64::from(*digit));
    let bytes = digits.len() * bits / 8;
    let unused = digits.len() * bits - bytes * 8;
    out.extend_from_slice(&(joined >> unused).to_be_bytes()[8 - bytes..]);
}

/// The bytes that a text in base64 stands for.
pub(crate) fn decode64(text: &[u8]) -> Result<Vec<u8>, String> {
    let mut out = Vec::with_capacity(text.len() / 4 * 3);
    decode64_into(&mut out, text)
        .map_err(|at| format!("illegal base64 data at input byte {at}"))?;
    Ok(out)
}

fn decode64_into(out: &mut Vec<u8>, text: &[u8]) -> Result<(), usize> {
    let mut digits = Vec::with_capacity(4);
    let mut at = 0;
    while let Some(&letter) = text.get(at) {
        at += 1;
        if let Some(digit) = digit(BASE64, letter) {
            digits.push(digit);
            if digits.len() == 4 {
                push_bytes(out, &digits, 6);
                digits.clear();
            }
        } else if letter == b'=' && digits.len() >= 2 {
            push_bytes(out, &digits, 6);
            return padded(text, at, digits.len());
        } else if !is_break(letter) {
            return Err(at - 1);
        }
    }
    match digits.len() {
        0 => Ok(()),
        missing => Err(at - missing),
    }
}

/// Checks what follows the first sign of padding, which stands before `at` and after so many digits.
fn padded(text: &[u8], mut at: usize, digits: usize) -> Result<(), usize> {
    let skip = |at: usize| {
        at + text[at..]
            .iter()
            .take_while(|byte| is_break(**byte))
            .count()
    };
    if digits == 2 {
        at = skip(at);
        match text.get(at) {
            Some(b'=') => at += 1,
            Some(_) => return Err(at - 1),
            None => return Err(text.len()),
        }
    }
    at = skip(at);
    if at < text.len() { Err(at) } else { Ok(()) }
}

/// A text in base32, padded.
pub(crate) fn encode32(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len().div_ceil(5) * 8);
    for chunk in bytes.chunks(5) {
        let mut padded = [0; 8];
        padded[3..3 + chunk.len()].copy_from_slice(chunk);
        let joined = u64::from_be_bytes(padded);
        let digits = (chunk.len() * 8).div_ceil(5);
        for index in 0..8 {
            let digit = (joined >> (35 - index * 5)) as usize & 31;
            out.push(if index < digits {
                char::from(BASE32[digit])
            } else {
                '='
            });
        }
    }
    out
}

/// The bytes that a text in base32 stands for. Places in errors are those of the text without line breaks.
pub(crate) fn decode32(text: &[u8]) -> Result<Vec<u8>, String> {
    let joined: Vec<u8> = text
        .iter()
        .copied()
        .filter(|byte| !is_break(*byte))
        .collect();
    let mut out = Vec::with_capacity(joined.len() / 8 * 5);
    decode32_into(&mut out, &joined)
        .map_err(|at| format!("illegal base32 data at input byte {at}"))?;
    Ok(out)
}

fn decode32_into(out: &mut Vec<u8>, text: &[u8]) -> Result<(), usize> {
    let mut digits = Vec::with_capacity(8);
    for (at, letter) in text.iter().enumerate() {
        let left = &text[at + 1..];
        if *letter == b'=' && digits.len() >= 2 && left.len() < 8 {
            let wanted = 7 - digits.len();
            if left.len() < wanted {
                return Err(text.len());
            }
            if let Some(wrong) = left[..wanted].iter().position(|byte| *byte != b'=') {
                return Err(at + wrong);
            }
            if matches!(digits.len(), 3 | 6) {
                return Err(at);
            }
            push_bytes(out, &digits, 5);
            return Ok(());
        }
        digits.push(digit(BASE32, *letter).ok_or(at)?);
        if digits.len() == 8 {
            push_bytes(out, &digits, 5);
            digits.clear();
        }
    }
    match digits.len() {
        0 => Ok(()),
        missing => Err(text.len() - missing),
    }
}

//! `format` as Kubernetes means it in a CustomResourceDefinition: its own list of names with its own rules,
//! which are not those of JSON schema.
//!
//! A name that is not on Kubernetes' list restricts nothing there and nothing here. Of its list, left out are
//! those that no configuration of a package has use for (`bsonobjectid`, `isbn`, `creditcard`, `ssn`, colours),
//! and `password`, which restricts nothing: whatever fits there fits here.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::general_purpose::{GeneralPurpose, PAD};

type Check = fn(&str) -> bool;

/// Formats that are checked, by their name without dashes.
const FORMATS: &[(&str, Check)] = &[
    ("byte", is_base64),
    ("cidr", is_cidr),
    ("date", is_date),
    ("datetime", is_date_time),
    ("duration", is_duration),
    ("email", is_email),
    ("hostname", is_hostname),
    ("ipv4", |text| text.parse::<Ipv4Addr>().is_ok()),
    ("ipv6", |text| text.parse::<Ipv6Addr>().is_ok()),
    ("mac", is_mac),
    ("uri", is_uri),
    ("uuid", |text| is_uuid(text, None)),
    ("uuid3", |text| is_uuid(text, Some(b'3'))),
    ("uuid4", |text| is_uuid(text, Some(b'4'))),
    ("uuid5", |text| is_uuid(text, Some(b'5'))),
];

/// The format Kubernetes knows under this name, where dashes do not count; `None` where it knows none.
pub(super) fn known(name: &str) -> Option<&'static str> {
    let name = name.replace('-', "");
    let found = FORMATS.iter().find(|(known, _)| *known == name);
    found.map(|(known, _)| *known)
}

/// All checks, by the names that [`known`] gives.
pub(super) fn all() -> impl Iterator<Item = (&'static str, Check)> {
    FORMATS.iter().copied()
}

/// Not empty, padded, of the standard alphabet. What the last digit has beyond the last byte does not matter.
fn is_base64(text: &str) -> bool {
    const LENIENT: GeneralPurpose =
        GeneralPurpose::new(&STANDARD, PAD.with_decode_allow_trailing_bits(true));
    !text.is_empty() && LENIENT.decode(text).is_ok()
}

fn is_cidr(text: &str) -> bool {
    let Some((address, length)) = text.split_once('/') else {
        return false;
    };
    let most = match address.parse() {
        Ok(IpAddr::V4(_)) => 32,
        Ok(IpAddr::V6(_)) => 128,
        Err(_) => return false,
    };
    is_number(length, 1..=3) && length.parse::<u32>().is_ok_and(|length| length <= most)
}

/// `2006-01-02`, a day there was.
fn is_date(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let [year, month, day] = parts.as_slice() else {
        return false;
    };
    if !is_number(year, 4..=4) || !is_number(month, 2..=2) || !is_number(day, 2..=2) {
        return false;
    }
    let [year, month, day] = [year, month, day].map(|it| it.parse::<u32>().unwrap_or_default());
    let leaps = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let days = match month {
        4 | 6 | 9 | 11 => 30,
        2 if leaps => 29,
        2 => 28,
        1..=12 => 31,
        _ => return false,
    };
    (1..=days).contains(&day)
}

/// A date, `T`, `15:04:05` with or without a fraction, and `Z` or an offset; in either case.
fn is_date_time(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    let Some((date, time)) = text.split_once('t') else {
        return false;
    };
    let Some((clock, rest)) = time.split_at_checked(8) else {
        return false;
    };
    let zone = rest.strip_prefix('.').map_or(rest, |rest| {
        rest.trim_start_matches(|letter: char| letter.is_ascii_digit())
    });
    let has_fraction = !rest.starts_with('.') || zone.len() + 1 < rest.len();
    let offset = zone.strip_prefix(['+', '-']);
    let is_zone = zone == "z" || offset.is_some_and(|offset| is_clock(offset, &[99, 99]));
    is_date(date) && is_clock(clock, &[23, 59, 59]) && has_fraction && is_zone
}

/// Numbers of two digits between colons, each with its largest value.
fn is_clock(text: &str, largest: &[u32]) -> bool {
    let parts: Vec<&str> = text.split(':').collect();
    let fits = |(part, largest): (&&str, &u32)| {
        is_number(part, 2..=2) && part.parse::<u32>().is_ok_and(|part| part <= *largest)
    };
    parts.len() == largest.len() && parts.iter().zip(largest).all(fits)
}

/// Go's own (`1h30m`, `-1.5s`, `0`), or anywhere in the text a whole number and a unit that is not on Go's list:
/// `2 days`, `1 week`.
fn is_duration(text: &str) -> bool {
    is_go_duration(text) || holds_amount(text)
}

fn is_go_duration(text: &str) -> bool {
    let mut rest = text.strip_prefix(['+', '-']).unwrap_or(text);
    if rest == "0" {
        return true;
    }
    if rest.is_empty() {
        return false;
    }
    while !rest.is_empty() {
        let number = rest.len()
            - rest
                .trim_start_matches(|it: char| it.is_ascii_digit() || it == '.')
                .len();
        let (number, after) = rest.split_at(number);
        let has_digit = number.bytes().any(|byte| byte.is_ascii_digit());
        // The longer ones first: `ms` is no `m`.
        let units = ["ns", "us", "µs", "μs", "ms", "s", "m", "h"];
        let unit = units.iter().find_map(|unit| after.strip_prefix(unit));
        let Some(after) = unit.filter(|_| has_digit && number.matches('.').count() <= 1) else {
            return false;
        };
        rest = after;
    }
    true
}

/// Whether a whole number and a unit of time stand somewhere in the text, with or without spaces between.
fn holds_amount(text: &str) -> bool {
    const WHOLE: &[&str] = &["ns", "us", "µs", "ms", "s", "m", "h", "hr", "d", "w", "wk"];
    const STEMS: &[&str] = &[
        "nano", "micro", "milli", "sec", "min", "hour", "day", "week",
    ];
    let is_letter = |letter: char| letter.is_ascii_alphabetic() || letter == 'µ';
    let mut rest = text;
    while let Some(start) = rest.find(|letter: char| letter.is_ascii_digit()) {
        let after = rest[start..].trim_start_matches(|letter: char| letter.is_ascii_digit());
        let unit = after.trim_start();
        let end = unit.find(|letter| !is_letter(letter)).unwrap_or(unit.len());
        let word = unit[..end].to_lowercase();
        if WHOLE.contains(&word.as_str()) || STEMS.iter().any(|stem| word.starts_with(stem)) {
            return true;
        }
        rest = after;
    }
    false
}

/// An address, alone or after a name as `Name <address>`.
fn is_email(text: &str) -> bool {
    let text = text.trim();
    let address = match text.split_once('<') {
        None => Some(text),
        Some((_, rest)) => rest.strip_suffix('>'),
    };
    let Some((name, host)) = address.and_then(|address| address.rsplit_once('@')) else {
        return false;
    };
    let is_odd =
        |letter: char| letter.is_whitespace() || letter.is_control() || "<>,;".contains(letter);
    let is_quoted = name.len() > 2 && name.starts_with('"') && name.ends_with('"');
    let is_name =
        is_quoted || !name.contains(is_odd) && name.split('.').all(|part| !part.is_empty());
    is_name && !host.contains(is_odd) && host.split('.').all(|part| !part.is_empty())
}

/// Labels of letters, digits, symbols and inner dashes, at most 63 bytes each; of several, the last has two
/// characters or more.
fn is_hostname(text: &str) -> bool {
    let is_letter = |letter: char| {
        letter.is_alphanumeric()
            || !letter.is_ascii() && !letter.is_whitespace() && !letter.is_control()
    };
    let is_label = |label: &str| {
        label.len() <= 63
            && label.starts_with(is_letter)
            && label.ends_with(is_letter)
            && label
                .chars()
                .all(|letter| is_letter(letter) || letter == '-')
    };
    let labels: Vec<&str> = text.split('.').collect();
    let last = labels.last().map_or(0, |label| label.chars().count());
    text.len() <= 255
        && labels.iter().all(|label| is_label(label))
        && (labels.len() == 1 || last >= 2)
}

/// Six, eight or twenty bytes in hexadecimal, one by one with `:` or `-` between, or two by two with `.`.
fn is_mac(text: &str) -> bool {
    let (separator, digits) = match text.find([':', '-', '.']) {
        Some(at) if text[at..].starts_with('.') => ('.', 4),
        Some(at) if text[at..].starts_with('-') => ('-', 2),
        _ => (':', 2),
    };
    let groups: Vec<&str> = text.split(separator).collect();
    let is_group =
        |group: &&str| group.len() == digits && group.bytes().all(|it| it.is_ascii_hexdigit());
    matches!(groups.len() * digits, 12 | 16 | 40) && groups.iter().all(is_group)
}

/// What a request line may hold: a scheme and more, or a path from the root.
fn is_uri(text: &str) -> bool {
    if text.contains(|letter: char| letter.is_ascii_control() || letter == ' ') {
        return false;
    }
    let is_scheme = |scheme: &str| {
        scheme.starts_with(|letter: char| letter.is_ascii_alphabetic())
            && scheme
                .bytes()
                .all(|it| it.is_ascii_alphanumeric() || matches!(it, b'+' | b'-' | b'.'))
    };
    text.starts_with('/')
        || text
            .split_once(':')
            .is_some_and(|(scheme, _)| is_scheme(scheme))
}

/// With or without its dashes, in either case; of any version or of one.
fn is_uuid(text: &str, version: Option<u8>) -> bool {
    let mut digits = Vec::new();
    let mut lengths = [8, 12, 16, 20].into_iter().peekable();
    for byte in text.bytes() {
        if byte == b'-' && lengths.next_if_eq(&digits.len()).is_some() {
            continue;
        }
        while lengths.next_if(|length| *length <= digits.len()).is_some() {}
        digits.push(byte.to_ascii_lowercase());
    }
    let is_variant = match version {
        None | Some(b'3') => true,
        Some(_) => matches!(digits.get(16), Some(b'8' | b'9' | b'a' | b'b')),
    };
    digits.len() == 32
        && digits.iter().all(u8::is_ascii_hexdigit)
        && version.is_none_or(|version| digits[12] == version)
        && is_variant
}

fn is_number(text: &str, digits: std::ops::RangeInclusive<usize>) -> bool {
    digits.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

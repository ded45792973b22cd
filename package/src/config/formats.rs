//! `format` as Kubernetes means it in a CustomResourceDefinition: its own list of names with its own rules,
//! which are not those of JSON schema.
//!
//! A name that is not on Kubernetes' list restricts nothing there and nothing here. Of its list, left out are
//! those that no configuration of a package has use for (`bsonobjectid`, `isbn`, `creditcard`, `ssn`, colours),
//! and `password`, which restricts nothing: whatever fits there fits here.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::LazyLock;

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::general_purpose::{GeneralPurpose, PAD};
use regex::Regex;
use stevedore_template::yaml::is_day;

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
    ("uri", |text| PATTERNS.uri.is_match(text)),
    ("uuid", |text| PATTERNS.uuid.is_match(text)),
    ("uuid3", |text| PATTERNS.uuid3.is_match(text)),
    ("uuid4", |text| PATTERNS.uuid4.is_match(text)),
    ("uuid5", |text| PATTERNS.uuid5.is_match(text)),
];

struct Patterns {
    date: Regex,
    time: Regex,
    go_duration: Regex,
    amount: Regex,
    uri: Regex,
    uuid: Regex,
    uuid3: Regex,
    uuid4: Regex,
    uuid5: Regex,
}

static PATTERNS: LazyLock<Patterns> = LazyLock::new(|| {
    let compile = |pattern: &str| Regex::new(pattern).expect("a fixed pattern");
    // With or without its dashes, in either case; of any version or of one.
    let uuid = |third: &str, fourth: &str| {
        let hex = "[0-9a-f]";
        let start = format!("{hex}{{8}}-?{hex}{{4}}");
        let pattern = format!("^(?i:{start}-?{third}{hex}{{3}}-?{fourth}{hex}{{3}}-?{hex}{{12}})$");
        compile(&pattern)
    };
    Patterns {
        date: compile("^([0-9]{4})-([0-9]{2})-([0-9]{2})$"),
        time: compile(concat!(
            r"^(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]+)?",
            r"(?:z|[-+][0-9]{2}:[0-9]{2})$",
        )),
        go_duration: compile(concat!(
            "^[-+]?(?:0|(?:",
            r"(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:ns|us|µs|μs|ms|s|m|h)",
            ")+)$",
        )),
        amount: compile(concat!(
            r"[0-9]\s*(?:(?:ns|us|µs|ms|s|m|h|hr|d|w|wk)(?:[^a-zµ]|$)",
            "|nano|micro|milli|sec|min|hour|day|week)",
        )),
        // What a request line may hold: a scheme and more, or a path from the root.
        uri: compile(r"^(?:/|[a-zA-Z][-+.a-zA-Z0-9]*:)[^\x00-\x20\x7f]*$"),
        uuid: uuid("[0-9a-f]", "[0-9a-f]"),
        uuid3: uuid("3", "[0-9a-f]"),
        uuid4: uuid("4", "[89ab]"),
        uuid5: uuid("5", "[89ab]"),
    }
});

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
    let is_number = length.len() <= 3 && length.bytes().all(|byte| byte.is_ascii_digit());
    is_number && length.parse::<u32>().is_ok_and(|length| length <= most)
}

/// `2006-01-02`, a day there was.
fn is_date(text: &str) -> bool {
    let Some(found) = PATTERNS.date.captures(text) else {
        return false;
    };
    let [year, month, day] = [1, 2, 3].map(|at| found[at].parse().unwrap_or_default());
    is_day(year, month, day)
}

/// A date, `T`, `15:04:05` with or without a fraction, and `Z` or an offset; in either case.
fn is_date_time(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    let parts = text.split_once('t');
    parts.is_some_and(|(date, time)| is_date(date) && PATTERNS.time.is_match(time))
}

/// Go's own (`1h30m`, `-1.5s`, `0`), or anywhere in the text a whole number and a unit that is not on Go's list:
/// `2 days`, `1 week`.
fn is_duration(text: &str) -> bool {
    PATTERNS.go_duration.is_match(text) || PATTERNS.amount.is_match(&text.to_ascii_lowercase())
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

//! Named formats: what a text of that form must be, as Kubernetes checks names, labels and the like.

use cel::common::types::{CelList, CelOptional, CelString};
use cel::common::value::{CowVal, Val};
use cel::{DeclarationError, Env, ExecutionError};

use super::url::Url;
use super::value::failed;

/// Names of all formats; each is also a function `format.NAME()`.
pub(crate) const NAMES: &str = "byte date datetime dns1035Label dns1035LabelPrefix dns1123Label dns1123LabelPrefix \
     dns1123Subdomain dns1123SubdomainPrefix labelValue qualifiedName uri uuid";

const LABEL: &str = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must \
     start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is \
     '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
const SUBDOMAIN: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', \
     and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is \
     '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const DNS_1035: &str = "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an \
     alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for \
     validation is '[a-z]([-a-z0-9]*[a-z0-9])?')";
const NAME_PART: &str = "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with \
     an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is \
     '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
const LABEL_VALUE: &str = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', \
     and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for \
     validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";
const QUALIFIED: &str = "a qualified name must consist of alphanumeric characters, '-', '_' or '.', and must start and \
     end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is \
     '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]') with an optional DNS subdomain prefix and '/' (e.g. \
     'example.com/MyName')";

/// A format, by its name.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Format(&'static str);

super::value::value!(Format, FORMAT, "kubernetes.NamedFormat");

/// Defines `format.NAME()` for each name.
macro_rules! constants {
    ($env:ident: $($function:ident $name:literal,)*) => {$(
        fn $function<'b, 'v>(_: Vec<CowVal<'b, 'v>>) -> Result<CowVal<'b, 'v>, ExecutionError> {
            Ok(CowVal::owned(Format($name)))
        }
        let name = concat!("format.", $name);
        $env.add_overload(name, name, vec![], $function)?;
    )*};
}

pub(super) fn extension(env: &mut Env) -> Result<(), DeclarationError> {
    env.add_type(FORMAT.to_owned())?;
    constants! { env:
        byte "byte",
        date "date",
        datetime "datetime",
        dns1035_label "dns1035Label",
        dns1035_label_prefix "dns1035LabelPrefix",
        dns1123_label "dns1123Label",
        dns1123_label_prefix "dns1123LabelPrefix",
        dns1123_subdomain "dns1123Subdomain",
        dns1123_subdomain_prefix "dns1123SubdomainPrefix",
        label_value "labelValue",
        qualified_name "qualifiedName",
        uri "uri",
        uuid "uuid",
    }
    cel::add_overload!(env, fn named: (CelString<'_>) -> CelOptional<'_>, name = "format.named")?;
    cel::add_member_overload!(env, fn validate: (Format, CelString<'_>) -> Result<CelOptional<'_>>)
}

fn named(name: &CelString<'_>) -> CelOptional<'static> {
    let found = NAMES.split(' ').find(|known| *known == name.inner());
    let boxed = found.map(|name| Box::new(Format(name)) as Box<dyn Val>);
    boxed.into()
}

/// What is wrong with a text, or nothing.
fn validate(format: &Format, text: &CelString<'_>) -> Result<CelOptional<'static>, ExecutionError> {
    let text = text.inner();
    let wrong = match format.0 {
        "byte" => said(is_base64(text), "invalid base64"),
        "date" => said(is_date(text), "invalid date"),
        "datetime" => said(is_date_time(text), "invalid datetime"),
        "dns1035Label" => dns_1035(text),
        "dns1035LabelPrefix" => dns_1035(&masked(text)),
        "dns1123Label" => label(text),
        "dns1123LabelPrefix" => label(&masked(text)),
        "dns1123Subdomain" => subdomain(text),
        "dns1123SubdomainPrefix" => subdomain(&masked(text)),
        "labelValue" => label_value(text),
        "qualifiedName" => qualified_name(text),
        "uri" => said(Url::parse_request(text).is_some(), "invalid URI"),
        "uuid" => said(is_uuid(text), "does not match the UUID format"),
        _ => return Err(failed("validate")),
    };
    if wrong.is_empty() {
        return Ok(CelOptional::none());
    }
    let texts = wrong.into_iter().map(CelString::from);
    let texts: Vec<Box<dyn Val>> = texts.map(|text| Box::new(text) as Box<dyn Val>).collect();
    Ok(CelOptional::of(Box::new(CelList::from(texts))))
}

type Wrong = Vec<String>;

fn said(is_fine: bool, what: &str) -> Wrong {
    let wrong = (!is_fine).then(|| what.to_owned());
    wrong.into_iter().collect()
}

fn longest(text: &str, limit: usize, of: &str) -> Wrong {
    let what = format!("{of}must be no more than {limit} characters");
    said(text.len() <= limit, &what)
}

/// A prefix may end in a dash: something follows it.
fn masked(text: &str) -> String {
    match text.strip_suffix('-') {
        Some(head) if !head.is_empty() => format!("{head}a"),
        _ => text.to_owned(),
    }
}

/// Letters, digits and what else is allowed inside, but neither at the beginning nor at the end.
fn is_word(text: &str, is_letter: fn(u8) -> bool, inside: &[u8]) -> bool {
    let bytes = text.as_bytes();
    let ends = bytes.first().into_iter().chain(bytes.last());
    !bytes.is_empty()
        && ends.copied().all(is_letter)
        && bytes
            .iter()
            .all(|byte| is_letter(*byte) || inside.contains(byte))
}

fn is_lower(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit()
}

fn is_letter(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
}

fn label(text: &str) -> Wrong {
    let mut wrong = longest(text, 63, "");
    wrong.extend(said(is_word(text, is_lower, b"-"), LABEL));
    wrong
}

fn dns_1035(text: &str) -> Wrong {
    let is_fine =
        is_word(text, is_lower, b"-") && !text.starts_with(|it: char| it.is_ascii_digit());
    let mut wrong = longest(text, 63, "");
    wrong.extend(said(is_fine, DNS_1035));
    wrong
}

fn subdomain(text: &str) -> Wrong {
    let mut wrong = longest(text, 253, "");
    let is_fine = text.split('.').all(|part| is_word(part, is_lower, b"-"));
    wrong.extend(said(is_fine, SUBDOMAIN));
    wrong
}

fn label_value(text: &str) -> Wrong {
    let mut wrong = longest(text, 63, "");
    let is_fine = text.is_empty() || is_word(text, is_letter, b"-_.");
    wrong.extend(said(is_fine, LABEL_VALUE));
    wrong
}

fn qualified_name(text: &str) -> Wrong {
    let parts: Vec<&str> = text.splitn(3, '/').collect();
    let (prefix, name) = match parts.as_slice() {
        [name] => (None, *name),
        [prefix, name] => (Some(*prefix), *name),
        _ => return vec![QUALIFIED.to_owned()],
    };
    let mut wrong = Vec::new();
    match prefix {
        Some("") => wrong.push("prefix part must be non-empty".to_owned()),
        Some(prefix) => {
            let of_prefix = subdomain(prefix).into_iter();
            wrong.extend(of_prefix.map(|what| format!("prefix part {what}")));
        }
        None => {}
    }
    if name.is_empty() {
        wrong.push("name part must be non-empty".to_owned());
    } else {
        wrong.extend(longest(name, 63, "name part "));
    }
    wrong.extend(said(is_word(name, is_letter, b"-_."), NAME_PART));
    wrong
}

fn is_uuid(text: &str) -> bool {
    let mut rest = text.as_bytes();
    for (number, digits) in [8, 4, 4, 4, 12].into_iter().enumerate() {
        if number > 0 {
            rest = rest.strip_prefix(b"-").unwrap_or(rest);
        }
        let Some((part, after)) = rest.split_at_checked(digits) else {
            return false;
        };
        if !part.iter().all(u8::is_ascii_hexdigit) {
            return false;
        }
        rest = after;
    }
    rest.is_empty()
}

fn is_base64(text: &str) -> bool {
    let digits = text.trim_end_matches('=');
    let is_digit = |byte: u8| byte.is_ascii_alphanumeric() || b"+/".contains(&byte);
    !text.is_empty()
        && text.len().is_multiple_of(4)
        && text.len() - digits.len() <= 2
        && digits.bytes().all(is_digit)
}

/// `2006-01-02`, a day there was.
fn is_date(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let [year, month, day] = parts.as_slice() else {
        return false;
    };
    let number = |text: &str, digits: usize| -> Option<u32> {
        let is_number = text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit());
        is_number.then(|| text.parse().ok()).flatten()
    };
    let (Some(year), Some(month), Some(day)) = (number(year, 4), number(month, 2), number(day, 2))
    else {
        return false;
    };
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        2 if is_leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => 0,
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
    let zone = rest.strip_prefix('.').map_or(rest, |fraction| {
        let digits = fraction.trim_start_matches(|it: char| it.is_ascii_digit());
        if digits.len() < fraction.len() {
            digits
        } else {
            rest
        }
    });
    let has_form = |text: &str, form: &str| {
        let fits = |(byte, form): (u8, u8)| match form {
            b'0' => byte.is_ascii_digit(),
            b'+' => matches!(byte, b'+' | b'-'),
            other => byte == other,
        };
        text.len() == form.len() && text.bytes().zip(form.bytes()).all(fits)
    };
    let is_clock =
        has_form(clock, "00:00:00") && clock < "24" && &clock[3..5] < "60" && &clock[6..] < "60";
    is_date(date) && is_clock && (zone == "z" || has_form(zone, "+00:00"))
}

//! Points in time, as YAML 1.1 has them.

use std::sync::LazyLock;

use regex::Regex;

static TIMESTAMP: LazyLock<Regex> = LazyLock::new(|| {
    let pattern = concat!(
        r"^([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})",
        r"([Tt][0-9]{1,2}:[0-9]{1,2}:[0-9]{1,2}([.,][0-9]+)?(Z|[-+][0-9]{2}:[0-9]{2})",
        r"| [0-9]{1,2}:[0-9]{1,2}:[0-9]{1,2}([.,][0-9]+)?)?$",
    );
    Regex::new(pattern).expect("a fixed pattern")
});

/// Whether a plain scalar of this text is a point in time. It is a string all the same, but is written in quotes.
pub(super) fn is_timestamp(text: &str) -> bool {
    let year = text.as_bytes().get(..5);
    if year.is_none_or(|year| year[4] != b'-' || !year[..4].iter().all(u8::is_ascii_digit)) {
        return false;
    }
    let Some(found) = TIMESTAMP.captures(text) else {
        return false;
    };
    let number = |at: usize| {
        found
            .get(at)
            .and_then(|part| part.as_str().parse().ok())
            .unwrap_or(0u32)
    };
    let time = found.get(4).map_or("", |part| part.as_str());
    let mut parts = time
        .get(1..)
        .unwrap_or("")
        .split([':', '.', ',', 'Z', '+', '-']);
    let mut below = |limit: u32| {
        parts
            .next()
            .is_none_or(|part| part.parse().unwrap_or(0) < limit)
    };
    is_day(number(1), number(2), number(3)) && below(24) && below(60) && below(60)
}

/// Whether there was or will be such a day.
pub fn is_day(year: u32, month: u32, day: u32) -> bool {
    let leaps = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let days = match month {
        4 | 6 | 9 | 11 => 30,
        2 if leaps => 29,
        2 => 28,
        1..=12 => 31,
        _ => 0,
    };
    (1..=days).contains(&day)
}

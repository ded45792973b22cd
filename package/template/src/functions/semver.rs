//! `semverCompare`, with the constraint language of the library behind sprig.

use std::cmp::Ordering;
use std::sync::LazyLock;

use regex::Regex;

use super::{Function, Kind, fixed, utf8};
use crate::value::Value;

pub(super) const FUNCTIONS: &[Function] =
    &[fixed("semverCompare", &[Kind::Str; 2], |machine, args| {
        let (constraint, version) = (utf8(&args[0]), utf8(&args[1]));
        if constraint.len() > MAX_LENGTH || version.len() > MAX_LENGTH {
            return Err(format!("longer than {MAX_LENGTH} bytes"));
        }
        machine.charge(1000)?;
        let constraint = Constraint::parse(&constraint)?;
        Ok(Value::Bool(constraint.allows(&Version::parse(&version)?)))
    })];

/// Bytes of a constraint or a version.
const MAX_LENGTH: usize = 1024;

const OPERATORS: &str = r"=||!=|>|<|>=|=>|<=|=<|~|~>|\^";
const SPACE: &str = r"[\t\n\f\r ]";
const PARTIAL: &str = r"v?([0-9|x|X|\*]+)(\.[0-9|x|X|\*]+)?(\.[0-9|x|X|\*]+)?(-([0-9A-Za-z\-]+(\.[0-9A-Za-z\-]+)*))?(\+([0-9A-Za-z\-]+(\.[0-9A-Za-z\-]+)*))?";
const FULL: &str = r"^v?([0-9]+)(\.[0-9]+)?(\.[0-9]+)?(-([0-9A-Za-z\-]+(\.[0-9A-Za-z\-]+)*))?(\+([0-9A-Za-z\-]+(\.[0-9A-Za-z\-]+)*))?$";

struct Patterns {
    version: Regex,
    one: Regex,
    range: Regex,
    find: Regex,
    valid: Regex,
}

static PATTERNS: LazyLock<Patterns> = LazyLock::new(|| {
    let compile = |pattern: String| Regex::new(&pattern).expect("a fixed pattern");
    let (s, ops, v) = (SPACE, OPERATORS, PARTIAL);
    Patterns {
        version: compile(FULL.to_owned()),
        one: compile(format!("^{s}*({ops}){s}*({v}){s}*$")),
        range: compile(format!("{s}*({v}){s}+-{s}+({v}){s}*")),
        find: compile(format!("({ops}){s}*({v})")),
        valid: compile(format!(
            "^({s}*({ops}){s}*({v}){s}*)((?:{s}+|,{s}*)({ops}){s}*({v}){s}*)*$"
        )),
    }
});

#[derive(Debug, Default, Clone)]
struct Version {
    core: [u64; 3],
    pre: String,
}

impl Version {
    fn parse(text: &str) -> Result<Self, String> {
        let invalid = || "Invalid Semantic Version".to_owned();
        let found = PATTERNS.version.captures(text).ok_or_else(invalid)?;
        let part = |at: usize| found.get(at).map_or("", |part| part.as_str());
        let mut core = [0; 3];
        for (at, number) in core.iter_mut().enumerate() {
            let digits = part(at + 1).trim_start_matches('.');
            if !digits.is_empty() {
                *number = digits
                    .parse()
                    .map_err(|_| "Error parsing version segment".to_owned())?;
            }
        }
        let pre = part(5).to_owned();
        let padded = |id: &str| {
            id.len() > 1 && id.starts_with('0') && id.bytes().all(|byte| byte.is_ascii_digit())
        };
        if pre.split('.').any(padded) {
            return Err("Version segment starts with 0".to_owned());
        }
        Ok(Self { core, pre })
    }

    fn compare(&self, other: &Self) -> Ordering {
        self.core
            .cmp(&other.core)
            .then_with(|| match (self.pre.is_empty(), other.pre.is_empty()) {
                (true, true) => Ordering::Equal,
                (true, false) => Ordering::Greater,
                (false, true) => Ordering::Less,
                (false, false) => compare_pre(&self.pre, &other.pre),
            })
    }
}

fn compare_pre(a: &str, b: &str) -> Ordering {
    let (mut left, mut right) = (a.split('.'), b.split('.'));
    loop {
        let (l, r) = (left.next(), right.next());
        if l.is_none() && r.is_none() {
            return Ordering::Equal;
        }
        let (l, r) = (l.unwrap_or(""), r.unwrap_or(""));
        let order = match (l.parse::<u64>(), r.parse::<u64>()) {
            _ if l == r => Ordering::Equal,
            _ if l.is_empty() => Ordering::Less,
            _ if r.is_empty() => Ordering::Greater,
            (Ok(l), Ok(r)) if l > r => Ordering::Greater,
            (Ok(_), Ok(_)) => Ordering::Less,
            (Ok(_), Err(_)) => Ordering::Less,
            (Err(_), Ok(_)) => Ordering::Greater,
            (Err(_), Err(_)) => l.cmp(r),
        };
        if order != Ordering::Equal {
            return order;
        }
    }
}

/// Alternatives, each of conditions that must all hold.
struct Constraint(Vec<Vec<Condition>>);

struct Condition {
    operator: String,
    version: Version,
    /// A part was left out or is an `x`.
    open: bool,
    minor_open: bool,
    patch_open: bool,
}

impl Constraint {
    fn parse(text: &str) -> Result<Self, String> {
        let mut rewritten = text.to_owned();
        for found in PATTERNS.range.captures_iter(text) {
            let part = |at: usize| found.get(at).map_or("", |part| part.as_str());
            let bounds = format!(">= {}, <= {} ", part(1), part(11));
            rewritten = rewritten.replacen(part(0), &bounds, 1);
        }
        let alternatives = rewritten.split("||").map(|alternative| {
            if !PATTERNS.valid.is_match(alternative) {
                return Err(format!("improper constraint: {alternative}"));
            }
            let found = PATTERNS.find.find_iter(alternative);
            found.map(|one| Condition::parse(one.as_str())).collect()
        });
        alternatives.collect::<Result<_, _>>().map(Self)
    }

    fn allows(&self, version: &Version) -> bool {
        self.0
            .iter()
            .any(|conditions| conditions.iter().all(|one| one.allows(version)))
    }
}

impl Condition {
    fn parse(text: &str) -> Result<Self, String> {
        let improper = || format!("improper constraint: {text}");
        let found = PATTERNS.one.captures(text).ok_or_else(improper)?;
        let part = |at: usize| found.get(at).map_or("", |part| part.as_str());
        let open = |part: &str| matches!(part.trim_start_matches('.'), "" | "x" | "X" | "*");
        let (major, minor, patch, pre) = (part(3), part(4), part(5), part(6));
        let (version, major_open, minor_open, patch_open) = if open(major) {
            (format!("0.0.0{pre}"), true, false, false)
        } else if open(minor) {
            (format!("{major}.0.0{pre}"), false, true, false)
        } else if open(patch) {
            (format!("{major}{minor}.0{pre}"), false, false, true)
        } else {
            (part(2).to_owned(), false, false, false)
        };
        Ok(Self {
            operator: part(1).to_owned(),
            version: Version::parse(&version).map_err(|_| "constraint Parser Error".to_owned())?,
            open: major_open || minor_open || patch_open,
            minor_open,
            patch_open,
        })
    }

    fn allows(&self, version: &Version) -> bool {
        let unasked_pre = !version.pre.is_empty() && self.version.pre.is_empty();
        if unasked_pre && (self.operator != "!=" || self.open) {
            return false;
        }
        let order = version.compare(&self.version);
        match self.operator.as_str() {
            "!=" => self.differs(version),
            ">" => self.above(version),
            "<" => order == Ordering::Less,
            ">=" | "=>" => order != Ordering::Less,
            "<=" | "=<" => self.at_most(version),
            "~" | "~>" => self.tilde(version),
            "^" => self.caret(version),
            _ if self.open => self.tilde(version),
            _ => order == Ordering::Equal,
        }
    }

    fn differs(&self, version: &Version) -> bool {
        if !self.open {
            return version.compare(&self.version) != Ordering::Equal;
        }
        let ([major, minor, _], [own_major, own_minor, _]) = (version.core, self.version.core);
        if major != own_major {
            return true;
        }
        if minor != own_minor && !self.minor_open {
            return true;
        }
        if self.minor_open {
            return false;
        }
        if !self.patch_open {
            return version.core[2] != self.version.core[2]
                || version.compare(&self.version) != Ordering::Equal;
        }
        let pres = !version.pre.is_empty() || !self.version.pre.is_empty();
        pres && compare_pre(&version.pre, &self.version.pre) != Ordering::Equal
    }

    fn above(&self, version: &Version) -> bool {
        let ([major, minor, _], [own_major, own_minor, _]) = (version.core, self.version.core);
        match major.cmp(&own_major) {
            _ if !self.open => version.compare(&self.version) == Ordering::Greater,
            Ordering::Greater => true,
            Ordering::Less => false,
            Ordering::Equal if self.minor_open => false,
            Ordering::Equal if self.patch_open => minor > own_minor,
            Ordering::Equal => version.compare(&self.version) == Ordering::Greater,
        }
    }

    fn at_most(&self, version: &Version) -> bool {
        if !self.open {
            return version.compare(&self.version) != Ordering::Greater;
        }
        let ([major, minor, _], [own_major, own_minor, _]) = (version.core, self.version.core);
        major < own_major || (major == own_major && (minor <= own_minor || self.minor_open))
    }

    fn tilde(&self, version: &Version) -> bool {
        if version.compare(&self.version) == Ordering::Less {
            return false;
        }
        if self.version.core == [0; 3] && !self.minor_open && !self.patch_open {
            return true;
        }
        version.core[0] == self.version.core[0]
            && (version.core[1] == self.version.core[1] || self.minor_open)
    }

    fn caret(&self, version: &Version) -> bool {
        let ([major, minor, patch], [own_major, own_minor, own_patch]) =
            (version.core, self.version.core);
        if version.compare(&self.version) == Ordering::Less {
            return false;
        }
        if own_major > 0 || self.minor_open {
            return major == own_major;
        }
        if major > 0 {
            return false;
        }
        if own_minor > 0 || self.patch_open {
            return minor == own_minor;
        }
        minor == 0 && patch == own_patch
    }
}

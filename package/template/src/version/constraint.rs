//! Constraints of versions, in the language of Masterminds' `semver`: a part may be left out or an `x`, and pre-releases
//! are allowed only where one of the conditions that hold together names one.

use std::cmp::Ordering;
use std::sync::LazyLock;

use regex::Regex;

use super::Version;

/// Bytes of a constraint.
const MAX_LENGTH: usize = 512;
/// Alternatives of a constraint.
const MAX_ALTERNATIVES: usize = 32;

const OPERATORS: &str = r"=||!=|>|<|>=|=>|<=|=<|~|~>|\^";
const SPACE: &str = r"[\t\n\f\r ]";
const PARTIAL: &str = r"v?([0-9|x|X|\*]+)(\.[0-9|x|X|\*]+)?(\.[0-9|x|X|\*]+)?(-([0-9A-Za-z\-]+(\.[0-9A-Za-z\-]+)*))?(\+([0-9A-Za-z\-]+(\.[0-9A-Za-z\-]+)*))?";

struct Patterns {
    one: Regex,
    range: Regex,
    find: Regex,
    valid: Regex,
}

static PATTERNS: LazyLock<Patterns> = LazyLock::new(|| {
    let compile = |pattern: String| Regex::new(&pattern).expect("a fixed pattern");
    let (s, ops, v) = (SPACE, OPERATORS, PARTIAL);
    Patterns {
        one: compile(format!("^{s}*({ops}){s}*({v}){s}*$")),
        range: compile(format!("{s}*({v}){s}+-{s}+({v}){s}*")),
        find: compile(format!("({ops}){s}*({v})")),
        valid: compile(format!(
            "^({s}*({ops}){s}*({v}){s}*)((?:{s}+|,{s}*)({ops}){s}*({v}){s}*)*$"
        )),
    }
});

/// Alternatives, each of conditions that must all hold.
pub(crate) struct Constraint(Vec<Vec<Condition>>);

struct Condition {
    operator: String,
    version: Version,
    open: Open,
}

/// The first part of a version that was left out or is an `x`.
#[derive(PartialEq, Eq)]
enum Open {
    None,
    Major,
    Minor,
    Patch,
}

impl Constraint {
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        if text.len() > MAX_LENGTH {
            return Err(format!(
                "constraint string is too long (max {MAX_LENGTH} bytes)"
            ));
        }
        let mut rewritten = text.to_owned();
        for found in PATTERNS.range.captures_iter(text) {
            let part = |at: usize| found.get(at).map_or("", |part| part.as_str());
            let bounds = format!(">= {}, <= {} ", part(1), part(11));
            rewritten = rewritten.replacen(part(0), &bounds, 1);
        }
        if rewritten.split("||").count() > MAX_ALTERNATIVES {
            return Err(format!(
                "too many constraint groups (max {MAX_ALTERNATIVES})"
            ));
        }
        let alternatives = rewritten.split("||").map(|alternative| {
            if !PATTERNS.valid.is_match(alternative) {
                return Err(format!("improper constraint: {alternative:?}"));
            }
            let found = PATTERNS.find.find_iter(alternative);
            found.map(|one| Condition::parse(one.as_str())).collect()
        });
        alternatives.collect::<Result<_, _>>().map(Self)
    }

    pub(crate) fn allows(&self, version: &Version) -> bool {
        self.0.iter().any(|conditions| {
            let names_one = |condition: &Condition| !condition.version.pre.is_empty();
            (version.pre.is_empty() || conditions.iter().any(names_one))
                && conditions.iter().all(|one| one.allows(version))
        })
    }
}

impl Condition {
    fn parse(text: &str) -> Result<Self, String> {
        let improper = || format!("improper constraint: {text:?}");
        let found = PATTERNS.one.captures(text).ok_or_else(improper)?;
        let part = |at: usize| found.get(at).map_or("", |part| part.as_str());
        let open = |part: &str| matches!(part.trim_start_matches('.'), "" | "x" | "X" | "*");
        let (major, minor, patch, pre) = (part(3), part(4), part(5), part(6));
        let (version, open) = if open(major) {
            (format!("0.0.0{pre}"), Open::Major)
        } else if open(minor) {
            (format!("{major}.0.0{pre}"), Open::Minor)
        } else if open(patch) {
            (format!("{major}{minor}.0{pre}"), Open::Patch)
        } else {
            (part(2).to_owned(), Open::None)
        };
        Ok(Self {
            operator: part(1).to_owned(),
            version: Version::parse(&version).map_err(|_| "constraint parser error".to_owned())?,
            open,
        })
    }

    fn allows(&self, version: &Version) -> bool {
        let own = &self.version;
        let order = version.precedence(own);
        match self.operator.as_str() {
            "!=" => self.differs(version, order),
            ">" => match self.open {
                Open::Minor => version.major > own.major,
                Open::Patch => (version.major, version.minor) > (own.major, own.minor),
                Open::None | Open::Major => order == Ordering::Greater,
            },
            "<" => order == Ordering::Less,
            ">=" | "=>" => order != Ordering::Less,
            "<=" | "=<" => match self.open {
                Open::None => order != Ordering::Greater,
                Open::Minor => version.major <= own.major,
                Open::Major | Open::Patch => {
                    (version.major, version.minor) <= (own.major, own.minor)
                }
            },
            "^" => order != Ordering::Less && self.caret(version),
            "~" | "~>" => order != Ordering::Less && self.tilde(version),
            _ if self.open != Open::None => order != Ordering::Less && self.tilde(version),
            _ => order == Ordering::Equal,
        }
    }

    fn differs(&self, version: &Version, order: Ordering) -> bool {
        let own = &self.version;
        match self.open {
            Open::None => order != Ordering::Equal,
            _ if version.major != own.major => true,
            Open::Minor => false,
            _ if version.minor != own.minor => true,
            Open::Major => version.patch != own.patch || order != Ordering::Equal,
            Open::Patch => version.pre != own.pre,
        }
    }

    fn tilde(&self, version: &Version) -> bool {
        let own = &self.version;
        if (own.major, own.minor, own.patch) == (0, 0, 0)
            && matches!(self.open, Open::None | Open::Major)
        {
            return true;
        }
        version.major == own.major && (version.minor == own.minor || self.open == Open::Minor)
    }

    fn caret(&self, version: &Version) -> bool {
        let own = &self.version;
        if own.major > 0 || self.open == Open::Minor {
            return version.major == own.major;
        }
        if own.minor > 0 || self.open == Open::Patch {
            return (version.major, version.minor) == (0, own.minor);
        }
        (version.major, version.minor, version.patch) == (0, 0, own.patch)
    }
}

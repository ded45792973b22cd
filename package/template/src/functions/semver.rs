//! `semverCompare`, with the constraint language of the library behind sprig. It is not the one of the crate `semver`:
//! a part may be left out or an `x`, and a pre-release is allowed only where the constraint names one.

use std::cmp::Ordering;
use std::sync::LazyLock;

use regex::Regex;
use semver::{Prerelease, Version};

use super::signature::{Function, STRS, fixed, utf8};
use crate::value::Value;

pub(super) const FUNCTIONS: &[Function] = &[fixed("semverCompare", STRS, |resources, args| {
    let (constraint, version) = (utf8(&args[0]), utf8(&args[1]));
    if constraint.len() > MAX_LENGTH || version.len() > MAX_LENGTH {
        return Err(format!("longer than {MAX_LENGTH} bytes"));
    }
    resources.charge(1000)?;
    let constraint = Constraint::parse(&constraint)?;
    Ok(Value::Bool(constraint.allows(&parse(&version)?)))
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

/// A version, of which the last parts may be left out.
fn parse(text: &str) -> Result<Version, String> {
    let invalid = || "Invalid Semantic Version".to_owned();
    let found = PATTERNS.version.captures(text).ok_or_else(invalid)?;
    let number = |at: usize| match found.get(at) {
        None => Ok(0),
        Some(part) => {
            let number = part.as_str().trim_start_matches('.').parse();
            number.map_err(|_| "Error parsing version segment".to_owned())
        }
    };
    let pre = Prerelease::new(found.get(5).map_or("", |part| part.as_str()));
    Ok(Version {
        pre: pre.map_err(|_| "Version segment starts with 0".to_owned())?,
        ..Version::new(number(1)?, number(2)?, number(3)?)
    })
}

/// Alternatives, each of conditions that must all hold.
struct Constraint(Vec<Vec<Condition>>);

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
            version: parse(&version).map_err(|_| "constraint Parser Error".to_owned())?,
            open,
        })
    }

    fn allows(&self, version: &Version) -> bool {
        let own = &self.version;
        let unasked_pre = !version.pre.is_empty() && own.pre.is_empty();
        if unasked_pre && (self.operator != "!=" || self.open != Open::None) {
            return false;
        }
        let order = version.cmp_precedence(own);
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

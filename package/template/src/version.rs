//! Versions as Masterminds' `semver` has them: the last parts may be left out, leading zeros and a `v` are passed over.
//! The crate `semver` refuses those, and orders other pre-releases otherwise than the library does.

pub(crate) mod constraint;

use std::cmp::Ordering;
use std::fmt;
use std::sync::LazyLock;

use regex::Regex;

/// Bytes of a version that is parsed.
const MAX_LENGTH: usize = 256;

static PATTERN: LazyLock<Regex> = LazyLock::new(|| {
    let identifiers = r"([0-9A-Za-z\-]+(?:\.[0-9A-Za-z\-]+)*)";
    let pattern = format!(
        r"^v?([0-9]+)(?:\.([0-9]+))?(?:\.([0-9]+))?(?:-{identifiers})?(?:\+{identifiers})?$"
    );
    Regex::new(&pattern).expect("a fixed pattern")
});

/// A version.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Version {
    pub(crate) major: u64,
    pub(crate) minor: u64,
    pub(crate) patch: u64,
    pub(crate) pre: String,
    pub(crate) metadata: String,
    /// What it was parsed from; for one that was made of another, what that would be.
    pub(crate) original: String,
}

impl Version {
    /// A version of which at least the first number is given.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        if text.len() > MAX_LENGTH {
            return Err(format!(
                "version string is too long (max {MAX_LENGTH} bytes)"
            ));
        }
        let found = PATTERN.captures(text);
        let found = found.ok_or_else(|| "invalid semantic version".to_owned())?;
        let part = |at: usize| found.get(at).map_or("", |part| part.as_str());
        let number = |at: usize| match part(at) {
            "" => Ok(0),
            digits => digits.parse().map_err(|_| {
                format!("error parsing version segment: {digits:?} is larger than 64 bits hold")
            }),
        };
        check_prerelease(part(4))?;
        Ok(Self {
            major: number(1)?,
            minor: number(2)?,
            patch: number(3)?,
            pre: part(4).to_owned(),
            metadata: part(5).to_owned(),
            original: text.to_owned(),
        })
    }

    /// Bytes of its texts.
    pub(crate) fn size(&self) -> usize {
        self.pre.len() + self.metadata.len() + self.original.len()
    }

    /// The release after it that breaks what it promised.
    pub(crate) fn next_major(&self) -> Result<Self, String> {
        let next = self.major.checked_add(1);
        let next = next.ok_or("major version increment would overflow uint64")?;
        Ok(self.release(next, 0, 0))
    }

    /// The release after it with something new.
    pub(crate) fn next_minor(&self) -> Result<Self, String> {
        let next = self.minor.checked_add(1);
        let next = next.ok_or("minor version increment would overflow uint64")?;
        Ok(self.release(self.major, next, 0))
    }

    /// The release after it that mends something; of a pre-release the release itself.
    pub(crate) fn next_patch(&self) -> Result<Self, String> {
        let step = u64::from(self.pre.is_empty());
        let next = self.patch.checked_add(step);
        let next = next.ok_or("patch version increment would overflow uint64")?;
        Ok(self.release(self.major, self.minor, next))
    }

    fn release(&self, major: u64, minor: u64, patch: u64) -> Self {
        let made = Self {
            major,
            minor,
            patch,
            pre: String::new(),
            metadata: String::new(),
            original: String::new(),
        };
        self.renamed(made)
    }

    /// It with another pre-release.
    pub(crate) fn with_prerelease(&self, pre: &str) -> Result<Self, String> {
        check_identifiers(pre, "invalid prerelease string")?;
        check_prerelease(pre)?;
        Ok(self.renamed(Self {
            pre: pre.to_owned(),
            ..self.clone()
        }))
    }

    /// It with other metadata.
    pub(crate) fn with_metadata(&self, metadata: &str) -> Result<Self, String> {
        check_identifiers(metadata, "invalid metadata string")?;
        Ok(self.renamed(Self {
            metadata: metadata.to_owned(),
            ..self.clone()
        }))
    }

    /// `made` as if it had been parsed, with a `v` if this one was.
    fn renamed(&self, made: Self) -> Self {
        let mark = if self.original.starts_with('v') {
            "v"
        } else {
            ""
        };
        Self {
            original: format!("{mark}{made}"),
            ..made
        }
    }

    /// The order of releases: metadata does not count, a pre-release comes before its release.
    pub(crate) fn precedence(&self, other: &Self) -> Ordering {
        let numbers = |one: &Self| (one.major, one.minor, one.patch);
        numbers(self)
            .cmp(&numbers(other))
            .then_with(|| match (&*self.pre, &*other.pre) {
                (pre, same) if pre == same => Ordering::Equal,
                ("", _) => Ordering::Greater,
                (_, "") => Ordering::Less,
                (pre, other) => compare_prereleases(pre, other),
            })
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)?;
        if !self.pre.is_empty() {
            write!(f, "-{}", self.pre)?;
        }
        if !self.metadata.is_empty() {
            write!(f, "+{}", self.metadata)?;
        }
        Ok(())
    }
}

/// Part by part; numbers come before words, and what ends comes before what goes on.
fn compare_prereleases(one: &str, other: &str) -> Ordering {
    let (mut ones, mut others) = (one.split('.'), other.split('.'));
    loop {
        let order = match (ones.next(), others.next()) {
            (None, None) => return Ordering::Equal,
            (one, other) => compare_parts(one.unwrap_or(""), other.unwrap_or("")),
        };
        if order != Ordering::Equal {
            return order;
        }
    }
}

fn compare_parts(one: &str, other: &str) -> Ordering {
    // What needs more than 64 bits counts as a word.
    match (one.parse::<u64>(), other.parse::<u64>()) {
        _ if one == other => Ordering::Equal,
        _ if one.is_empty() => Ordering::Less,
        _ if other.is_empty() => Ordering::Greater,
        (Ok(one), Ok(other)) => one.cmp(&other),
        (Ok(_), Err(_)) => Ordering::Less,
        (Err(_), Ok(_)) => Ordering::Greater,
        (Err(_), Err(_)) => one.cmp(other),
    }
}

fn check_prerelease(pre: &str) -> Result<(), String> {
    let is_padded = |part: &str| {
        part.len() > 1 && part.starts_with('0') && part.bytes().all(|byte| byte.is_ascii_digit())
    };
    match pre.split('.').any(is_padded) {
        true => Err("version segment starts with 0".to_owned()),
        false => Ok(()),
    }
}

/// Refuses what has an empty part or one with other than letters, digits and dashes. No parts at all are none.
fn check_identifiers(text: &str, message: &str) -> Result<(), String> {
    let is_legal = |part: &str| {
        let legal = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        !part.is_empty() && part.bytes().all(legal)
    };
    match text.is_empty() || text.split('.').all(is_legal) {
        true => Ok(()),
        false => Err(message.to_owned()),
    }
}

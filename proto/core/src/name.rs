//! Names of Kubernetes objects as they come from outside: from an enrolment, a join token, a session or a
//! command line. Each is checked where it is decoded, so that what is no name reaches no request and no log.
//!
//! The forms are those of Kubernetes' `apimachinery/pkg/util/validation`: an RFC 1123 label, and labels joined
//! by dots, a subdomain. Neither has a slash, a `%`, an upper-case letter or a control character.

use std::fmt;
use std::ops::Deref;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::limit;

/// Longest label, and so the longest name of a namespace, in bytes.
pub const MAX_LABEL: usize = 63;

/// A text that is not the name it should be. Does not quote it: it may be anybody's, and of any length.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} has 1 to {max} characters: {form}")]
pub struct InvalidName {
    what: &'static str,
    max: usize,
    form: &'static str,
}

const LABEL: &str =
    "lower-case letters, digits and '-', with a letter or digit at the beginning and end";
const SUBDOMAIN: &str = "lower-case letters, digits, '-' and '.', with a letter or digit at the beginning and end and around every '.'";

/// The name of a member cluster, which is that of its `MemberCluster`: an RFC 1123 subdomain of at most
/// [`ClusterName::MAX`] bytes.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ClusterName(String);

impl ClusterName {
    /// Longest name in bytes, as the definition of `MemberCluster` has it.
    pub const MAX: usize = 63;

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for ClusterName {
    type Error = InvalidName;

    fn try_from(name: String) -> Result<Self, InvalidName> {
        subdomain(&name, "a cluster's name", Self::MAX)?;
        Ok(Self(name))
    }
}

impl FromStr for ClusterName {
    type Err = InvalidName;

    fn from_str(name: &str) -> Result<Self, InvalidName> {
        name.to_owned().try_into()
    }
}

impl From<ClusterName> for String {
    fn from(name: ClusterName) -> Self {
        name.0
    }
}

impl Deref for ClusterName {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ClusterName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ClusterName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// The name of a namespace: an RFC 1123 label.
///
/// # Errors
/// When it is none.
pub fn namespace(text: &str) -> Result<String, InvalidName> {
    if !is_label(text) {
        return Err(InvalidName {
            what: "a namespace's name",
            max: MAX_LABEL,
            form: LABEL,
        });
    }
    Ok(text.to_owned())
}

/// The name of an object of a kind that asks for an RFC 1123 subdomain, as custom resources and service accounts
/// do; `what` is in the error's text, such as `a package's name`.
///
/// # Errors
/// When it is none.
pub fn object(text: &str, what: &'static str) -> Result<String, InvalidName> {
    subdomain(text, what, limit::NAME)?;
    Ok(text.to_owned())
}

fn subdomain(text: &str, what: &'static str, max: usize) -> Result<(), InvalidName> {
    // As Kubernetes has it, only the whole is bounded, not each part.
    if text.len() <= max && text.split('.').all(is_well_formed) {
        return Ok(());
    }
    let form = SUBDOMAIN;
    Err(InvalidName { what, max, form })
}

fn is_label(text: &str) -> bool {
    text.len() <= MAX_LABEL && is_well_formed(text)
}

/// Whether it has the characters of a label: `[a-z0-9]([-a-z0-9]*[a-z0-9])?`.
fn is_well_formed(label: &str) -> bool {
    let is_alphanumeric = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = label.as_bytes();
    bytes.first().is_some_and(is_alphanumeric)
        && bytes.last().is_some_and(is_alphanumeric)
        && bytes
            .iter()
            .all(|byte| is_alphanumeric(byte) || *byte == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    const NO_NAMES: &[&str] = &[
        "", ".", "..", "?x", "?limit=0", "a/b", "../x", "%2e%2e", "a%2fb", "-a", "a-", ".a", "a.",
        "a..b", "a.-b", "A", "a_b", "a b", "a\n", "ä", "a\0",
    ];

    #[test]
    fn a_cluster_name_is_a_subdomain_of_63_bytes() {
        let longest = "a".repeat(63);
        for name in ["a", "0", "harbour-1", "harbour.1.north", &longest] {
            assert_eq!(name.parse::<ClusterName>().unwrap().as_str(), name);
        }
        let (long, longer) = ("a".repeat(64), "a".repeat(254));
        for name in NO_NAMES.iter().copied().chain([&*long, &*longer]) {
            assert!(name.parse::<ClusterName>().is_err(), "{name:?}");
        }
    }

    #[test]
    fn names_of_namespaces_have_no_dot_and_names_of_objects_are_longer() {
        assert!(namespace("stevedore-system").is_ok() && namespace("a.b").is_err());
        assert!(namespace(&"a".repeat(64)).is_err());
        let of = |text: &str| object(text, "a package's name");
        assert!(of("a.b").is_ok() && of(&"a".repeat(253)).is_ok() && of(&"a".repeat(254)).is_err());
        for name in NO_NAMES {
            assert!(namespace(name).is_err() && of(name).is_err(), "{name:?}");
        }
    }

    #[test]
    fn an_error_says_the_form_and_never_the_text() {
        let error = "\u{1b}[31mx".parse::<ClusterName>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "a cluster's name has 1 to 63 characters: lower-case letters, digits, '-' and '.', with a letter or \
             digit at the beginning and end and around every '.'"
        );
    }

    #[test]
    fn a_stored_name_is_checked_when_it_is_read() {
        let read = |text| serde_json::from_str::<ClusterName>(text);
        assert_eq!(read("\"east\"").unwrap().as_str(), "east");
        assert!(read("\"a/b\"").is_err());
    }
}

//! Ranges of versions, in the language that `semverCompare` has.

use crate::version::Version;
use crate::version::constraint::Constraint;

/// A range of versions, such as `>=1.28` or `4.16.x || 4.17.x`.
pub struct VersionRange(Constraint);

impl VersionRange {
    /// Reads a range of at most 512 bytes.
    ///
    /// # Errors
    /// With what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        Constraint::parse(text).map(Self)
    }

    /// Whether a version of a platform is within the range; `None` when it is no version. What a vendor appends to the
    /// version, as in `v1.33.1-gke.1584000`, takes it out of no range, although it reads like that of a pre-release.
    pub fn allows(&self, version: &str) -> Option<bool> {
        let whole = Version::parse(version).ok()?;
        let plain = version.split(['-', '+']).next().unwrap_or_default();
        let plain = Version::parse(plain).ok()?;
        Some(self.0.allows(&whole) || self.0.allows(&plain))
    }
}

impl std::fmt::Debug for VersionRange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("VersionRange").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allows(range: &str, version: &str) -> Option<bool> {
        VersionRange::parse(range).unwrap().allows(version)
    }

    #[test]
    fn a_vendors_suffix_takes_a_version_out_of_no_range() {
        for version in [
            "v1.33.1",
            "1.33.1",
            "v1.33.1-gke.1584000",
            "v1.33.1-eks-b9c9ed7",
            "v1.33.1+k3s1",
        ] {
            assert_eq!(allows(">=1.33", version), Some(true), "{version}");
            assert_eq!(allows("1.33.x", version), Some(true), "{version}");
            assert_eq!(allows(">=1.34", version), Some(false), "{version}");
        }
        assert_eq!(allows("=1.33.1-gke.1", "v1.33.1-gke.1"), Some(true));
    }

    #[test]
    fn what_is_no_version_is_in_no_range_and_out_of_none() {
        for text in ["", "unknown", "1.2.3.4"] {
            assert_eq!(allows(">=1", text), None, "{text:?}");
        }
        assert_eq!(allows(">=1", &"1".repeat(257)), None);
    }

    #[test]
    fn a_range_that_cannot_be_read_says_so() {
        for range in ["banana", "", ">= ", &" ".repeat(513)] {
            assert!(VersionRange::parse(range).is_err(), "{range:?}");
        }
    }
}

//! Typed 128-bit ids.
//!
//! Kubernetes writes UIDs as UUIDs; here they are sixteen bytes, so that a table of ten thousand clusters
//! stays small and a comparison is never a prefix match. Text form: lower-case hyphenated UUID.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::digest::Hasher;

/// A text that is not a UUID.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a UUID of the form 00000000-0000-0000-0000-000000000000")]
pub struct ParseIdError;

fn parse(text: &str) -> Result<[u8; 16], ParseIdError> {
    let bytes = text.as_bytes();
    if bytes.len() != 36 {
        return Err(ParseIdError);
    }
    let mut out = [0_u8; 16];
    let mut nibble = 0_usize;
    for (at, byte) in bytes.iter().enumerate() {
        if matches!(at, 8 | 13 | 18 | 23) {
            if *byte != b'-' {
                return Err(ParseIdError);
            }
            continue;
        }
        let value = match byte {
            b'0'..=b'9' => byte - b'0',
            b'a'..=b'f' => byte - b'a' + 10,
            b'A'..=b'F' => byte - b'A' + 10,
            _ => return Err(ParseIdError),
        };
        out[nibble / 2] |= if nibble.is_multiple_of(2) {
            value << 4
        } else {
            value
        };
        nibble += 1;
    }
    Ok(out)
}

fn write(bytes: &[u8; 16], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for (at, byte) in bytes.iter().enumerate() {
        if matches!(at, 4 | 6 | 8 | 10) {
            f.write_str("-")?;
        }
        write!(f, "{byte:02x}")?;
    }
    Ok(())
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; 16]);

        impl $name {
            /// Takes the sixteen bytes of a UUID as they are.
            pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(bytes)
            }

            /// The sixteen bytes.
            pub const fn as_bytes(&self) -> &[u8; 16] {
                &self.0
            }

            /// The first eight hex digits, as used in object names.
            pub fn short(&self) -> String {
                self.to_string().chars().take(8).collect()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write(&self.0, f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }

        impl FromStr for $name {
            type Err = ParseIdError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                parse(text).map(Self)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

id! {
    /// A member cluster: the UID of its namespace `kube-system`.
    ClusterUid
}
id! {
    /// A `MemberCluster` on the hub: its object UID. A cluster that is forgotten and joins again has another.
    MemberUid
}
id! {
    /// A `Package` or `ClusterPackage` on the hub: its object UID.
    PackageUid
}
id! {
    /// One package on one cluster, derived by [`DeploymentUid::derive`].
    DeploymentUid
}
id! {
    /// One start of an agent process, drawn at random by it.
    InstanceId
}
id! {
    /// Random part of an [`crate::Epoch`].
    EpochId
}
id! {
    /// Random part of a [`crate::Term`].
    TermId
}

impl DeploymentUid {
    /// The deployment of a package on a cluster.
    ///
    /// A name-based UUID (version 8: SHA-256 over a domain string and both ids, cut to 128 bits), so both
    /// sides compute it and an order addressed to another cluster does not fit.
    pub fn derive(package: &PackageUid, cluster: &ClusterUid) -> Self {
        let digest = Hasher::new("stevedore.deployment.v1")
            .field(package.as_bytes())
            .field(cluster.as_bytes())
            .finish();
        let mut bytes = [0_u8; 16];
        bytes.copy_from_slice(&digest.as_bytes()[..16]);
        bytes[6] = (bytes[6] & 0x0f) | 0x80;
        bytes[8] = (bytes[8] & 0x3f) | 0x80;
        Self(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_form_is_a_lower_case_uuid_and_parses_back() {
        let text = "0b5e0e5c-7d3f-4b8e-9a3e-5a7c1b2d3e4f";
        let uid: ClusterUid = text.parse().unwrap();
        assert_eq!(uid.to_string(), text);
        assert_eq!(text.to_uppercase().parse::<ClusterUid>(), Ok(uid));
        assert_eq!(uid.short(), "0b5e0e5c");
    }

    #[test]
    fn what_is_not_a_uuid_is_refused() {
        for text in [
            "",
            "0b5e0e5c7d3f4b8e9a3e5a7c1b2d3e4f",
            "0b5e0e5c-7d3f-4b8e-9a3e-5a7c1b2d3e4g",
            "0b5e0e5c-7d3f-4b8e-9a3e-5a7c1b2d3e4f0",
            "0b5e0e5c+7d3f-4b8e-9a3e-5a7c1b2d3e4f",
        ] {
            assert_eq!(text.parse::<ClusterUid>(), Err(ParseIdError), "{text:?}");
        }
    }

    #[test]
    fn deployment_uid_depends_on_package_and_cluster_and_is_a_uuid() {
        let package = PackageUid::from_bytes([1; 16]);
        let one = DeploymentUid::derive(&package, &ClusterUid::from_bytes([2; 16]));
        let other = DeploymentUid::derive(&package, &ClusterUid::from_bytes([3; 16]));
        assert_ne!(one, other);
        assert_eq!(
            one,
            DeploymentUid::derive(&package, &ClusterUid::from_bytes([2; 16]))
        );
        assert_eq!(one.as_bytes()[6] >> 4, 8);
        assert_eq!(one.as_bytes()[8] >> 6, 2);
        // Pinned: both sides of every release must derive the same id.
        assert_eq!(one.to_string(), "eec65209-a857-8ed0-83c5-1c62c14c7062");
    }
}

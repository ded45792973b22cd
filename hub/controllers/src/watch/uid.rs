//! UIDs of objects, a type for each kind: none is taken for another kind's, or for a name.

use std::fmt::{Debug, Display};
use std::str::FromStr;

/// The UID of an object of one kind.
pub(crate) trait Uid:
    FromStr + Display + Debug + Ord + Clone + Send + Sync + 'static
{
}

impl<T: FromStr + Display + Debug + Ord + Clone + Send + Sync + 'static> Uid for T {}

macro_rules! uid {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
        pub(crate) struct $name(String);

        impl FromStr for $name {
            type Err = std::convert::Infallible;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Ok(Self(text.to_owned()))
            }
        }

        impl Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

uid! {
    /// Of a `PackageRevision`.
    RevisionUid
}
uid! {
    /// Of a `PackageAction`.
    ActionUid
}
uid! {
    /// Of a `PackageLedger`.
    LedgerUid
}

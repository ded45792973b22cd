//! Causes of orders.

/// Why something is ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Cause {
    /// The cluster had nothing of the package.
    Install,
    /// Content or settings differ from what was ordered.
    Change,
    /// The same under a new epoch.
    EpochRaised,
    /// What was ordered can no longer be made, and the member lacks it.
    Rerendered,
    /// What failed is tried again.
    Retry,
    /// A tombstone.
    Removal,
}

impl Cause {
    /// One CamelCase word for events and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Install => "Install",
            Self::Change => "Change",
            Self::EpochRaised => "EpochRaised",
            Self::Rerendered => "Rerendered",
            Self::Retry => "Retry",
            Self::Removal => "Removal",
        }
    }
}

//! Deliberate bugs at the edges of the machines: each has to be found.

/// A bug in what surrounds a machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Break {
    /// m1: the queue of changes between ledgers and session drops the oldest when it is full.
    DropOldest,
    /// m4: changes of one deployment are coalesced, and a tombstone is lost in it.
    CoalesceLosesTombstone,
    /// m5: the hub serves before it has loaded, and the agent takes an empty snapshot for "delete all".
    EmptyListDeletes,
    /// m9: a cluster's orders are looked up by name prefix.
    NamePrefix,
    /// m15: after a restart the agent takes the highest number for the newest order, whatever its epoch.
    NumberWithoutEpoch,
    /// m21: the hub compares orders by a checksum over keys only.
    ChecksumOverKeys,
}

//! The row of one deployment: what counters and lists need of it.

/// One deployment, as counters and lists need it: a few bytes, read without its [`Details`](super::Details).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Row {
    /// The newest order's number; 0 without one.
    pub(super) number: u64,
    pub(super) state: DeploymentState,
    pub(super) targeted: bool,
    pub(super) tombstone: bool,
    pub(super) updated: bool,
    pub(super) was_available: bool,
    pub(super) failing: bool,
    pub(super) unheard: bool,
}

const _: () = assert!(size_of::<Row>() <= 16);

/// How a deployment counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum DeploymentState {
    /// Neither targeted nor ordered.
    #[default]
    Absent,
    /// Available at the newest order.
    Available,
    /// Connected, and on its way.
    Progressing,
    /// Connected, and blocked, failing, refused or frozen.
    Failed,
    /// Unknown: without a session, or with an API server that does not answer, or its agent has not spoken about it since
    /// it, or this hub, started anew.
    Offline,
    /// Being torn down.
    Removing,
}

#[cfg(test)]
impl Row {
    /// The same, with what was known of it when it was heard last.
    pub(crate) fn failing(self, failing: bool) -> Self {
        Self { failing, ..self }
    }

    /// A targeted deployment whose newest order has this number.
    pub(crate) fn in_state(number: u64, state: DeploymentState, was_available: bool) -> Self {
        Self {
            number,
            state,
            targeted: true,
            was_available,
            failing: state == DeploymentState::Failed,
            ..Self::default()
        }
    }
}

impl Row {
    /// How the deployment counts.
    pub fn state(self) -> DeploymentState {
        self.state
    }

    /// The newest order's number; 0 without one.
    pub fn number(self) -> u64 {
        self.number
    }

    /// Whether the placement selects the cluster.
    pub fn is_targeted(self) -> bool {
        self.targeted
    }

    /// Whether what is ordered is a tombstone.
    pub fn is_tombstone(self) -> bool {
        self.tombstone
    }

    /// Whether the newest order failed when the member was heard last.
    pub fn is_failing(self) -> bool {
        self.failing
    }

    /// Whether the newest order was found available since it was given.
    pub fn was_available(self) -> bool {
        self.was_available
    }

    /// Whether the member accepted the newest order, and that is no tombstone.
    pub fn is_updated(self) -> bool {
        self.updated
    }

    /// Whether something is ordered that the member has not spoken about since its agent, or this hub, started anew.
    pub fn is_unheard(self) -> bool {
        self.unheard
    }
}

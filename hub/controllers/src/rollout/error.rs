//! The reasons why a package could not be planned, or its plan not carried out.

use stevedore_hub_core::fleet::Failure;
use stevedore_proto_core::Reason;

use crate::rollout::ledger_object;
use crate::write;

#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error(transparent)]
    Api(#[from] kube::Error),
    #[error(transparent)]
    Ledger(ledger_object::Error),
    #[error("this replica does not lead")]
    NotLeading,
    #[error(
        "the definition of the package's kind is being deleted; nothing is torn down meanwhile"
    )]
    DefinitionGoes,
}

impl From<ledger_object::Error> for Error {
    fn from(error: ledger_object::Error) -> Self {
        match error {
            ledger_object::Error::Api(error) => Self::Api(error),
            other => Self::Ledger(other),
        }
    }
}

impl Error {
    /// As people are shown it.
    pub(super) fn failure(&self) -> Failure {
        let reason = match self {
            Self::Ledger(ledger_object::Error::Unreadable { .. }) => Reason::LedgerUnreadable,
            Self::Ledger(ledger_object::Error::Foreign { .. }) => Reason::LedgerNameTaken,
            Self::Api(_) | Self::Ledger(ledger_object::Error::Api(_)) => Reason::NotStored,
            Self::NotLeading => Reason::NotLeader,
            Self::DefinitionGoes => Reason::DefinitionTerminating,
        };
        let message = match self {
            Self::Api(error) => write::words(error),
            other => other.to_string(),
        };
        Failure { reason, message }
    }
}

//! Pure decisions of the hub: placement, rollout, ledger, desired state, session, status.

pub mod session;

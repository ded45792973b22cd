//! Pure decisions of the agent: session, plan, adoption, prune, probes, drift.

pub mod failure;
pub mod key;
pub mod session;

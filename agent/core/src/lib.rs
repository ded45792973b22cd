//! Pure decisions of the agent: session, plan, adoption, prune, probes, drift.

pub mod adopt;
pub mod desired;
pub mod drift;
pub mod failure;
pub mod key;
pub mod mark;
pub mod observe;
pub mod order;
pub mod plan;
pub mod probe;
pub mod prune;
pub mod removal;
pub mod retry;
pub mod rollout;
pub mod session;
pub mod teardown;

//! Pure decisions of the agent: session, plan, adoption, prune, probes, drift.

pub mod adopt;
pub mod desired;
pub mod drift;
pub mod failure;
pub mod key;
pub mod mark;
pub mod observe;
pub mod probe;
pub mod retry;
pub mod session;

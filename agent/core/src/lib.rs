//! Pure decisions of the agent: session, plan, adoption, prune, probes, drift.
//!
//! No clock, no I/O, no randomness: time and seeds are arguments, and what is to be done is returned as a
//! plan that `stevedore-agent` carries out.
//!
//! | Module | Decides |
//! |---|---|
//! | [`session`] | which orders of a hub are accepted, what is said to it |
//! | [`set`] | which stored set is the accepted one |
//! | [`plan`] | what to do for a deployment now |
//! | [`desired`] | what a content wants, and whether it may be written at all |
//! | [`rollout`] | what each object of the accepted set needs next, phase by phase |
//! | [`prune`], [`teardown`], [`removal`], [`propagation`] | what goes, in which order, and when it is gone |
//! | [`adopt`], [`mark`] | whose an object is |
//! | [`drift`] | whether somebody changed it |
//! | [`observation`], [`probe`] | what is kept of an object that was read, and whether it is available |
//! | [`liveness`] | when the API server is asked for a word, and when it is silent |
//! | [`retry`], [`failure`] | when a refused request is made again |

pub mod adopt;
pub mod desired;
pub mod drift;
pub mod failure;
pub mod key;
pub mod liveness;
pub mod mark;
pub mod observation;
pub mod plan;
pub mod probe;
pub mod propagation;
pub mod prune;
pub mod removal;
pub mod retry;
pub mod rollout;
pub mod session;
pub mod set;
pub mod teardown;

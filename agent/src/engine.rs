//! The object set engine: carries out the plans of `stevedore_agent_core`, one owner task per deployment.

pub mod ports;

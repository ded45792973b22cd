//! Scenarios of the hub's controllers: whole hub processes over an API server in memory, with agents that answer
//! from memory and a registry on loopback.
//!
//! What is asserted is what others see of a hub: its writes and their order, what sessions are told, and the state
//! that is left. Requests that only read may change freely. Time is tokio's paused time, so a scenario of minutes
//! runs in milliseconds.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests end the test as tests do"
)]

mod scenarios {
    pub(crate) mod agent;
    pub(crate) mod api_server;
    pub(crate) mod process;
    pub(crate) mod registry;
    pub(crate) mod seed;
    pub(crate) mod state;
    pub(crate) mod waits;
    pub(crate) mod world;

    mod actions;
    mod components;
    mod constraints;
    mod content;
    mod facts;
    mod faults;
    mod history;
    mod images;
    mod joining;
    mod leadership;
    mod members;
    mod observations;
    mod raise;
    mod records;
    mod removal;
    mod rollout;
    mod sharding;
    mod watching;
    mod waves;
}

//! The harness of end-to-end tests and benchmarks: a whole Stevedore of real processes, and packages made for one
//! purpose.
//!
//! It fails as a test does, by panicking with what it saw last.

// `expect` says which assumption about a fresh world did not hold; there is nobody to return an error to.
#![allow(clippy::panic)]

pub mod api;
pub mod audit;
pub mod bench;
pub mod draft;
pub mod harness;
pub mod wait;
pub mod world;

//! The Kubernetes API of Stevedore, group `stevedore.dev`, as Rust types.
//!
//! What it does: declares every kind with its bounds, transition rules, printer columns and
//! descriptions, and renders the `CustomResourceDefinition`s ([`definitions`]).
//! What it never does: talk to an API server, or decide anything.
//!
//! Conventions that hold for every kind: `spec` belongs to people and GitOps, `status` to the
//! hub or the agent; every status has `observedGeneration` and `metav1.Condition`s; every list
//! and string is bounded; a kind or field that nothing honours is not declared.

// The lint takes the keys that printer columns repeat for one attribute; it runs before derives
// are expanded and so heeds only the crate's own attributes.
#![allow(clippy::duplicated_attributes)]

pub mod condition;
pub mod definition;
pub mod environment;
pub mod record;
pub mod schema;
pub mod v1alpha1;

pub use definition::definitions;

/// The API group of every kind here.
pub const GROUP: &str = "stevedore.dev";
/// The only served version so far.
pub const VERSION: &str = "v1alpha1";
/// The namespace that hub and agent use for their own records unless told otherwise.
pub const SYSTEM_NAMESPACE: &str = "stevedore-system";

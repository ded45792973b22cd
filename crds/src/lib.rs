//! The Kubernetes API of Stevedore as Rust types.

//! The hub: wiring of its controllers, gRPC server and process.
//!
//! ```text
//!   args ─▶ startup ─┬─ admin server (health, readiness, metrics)
//!                    ├─ controllers: Kubernetes side      ──ports──┐
//!                    └─ grpc: sessions, joining, content  ◀────────┘ told what changes by adapters
//! ```

mod adapters;
pub mod args;
pub mod startup;

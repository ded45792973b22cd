//! The hub: wiring of its controllers, gRPC server and process.
//!
//! ```text
//!   args ─▶ run ─┬─ admin server (health, readiness, metrics)
//!                ├─ controllers: Kubernetes side      ──ports──┐
//!                └─ grpc: sessions, joining, content  ◀────────┘ told what changes by adapters
//! ```

mod adapters;
pub mod args;
pub mod run;

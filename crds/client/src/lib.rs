//! Requests to a Kubernetes API server, as hub, agent and command line make them.
//!
//! Names come from outside: from enrolments, sessions, arguments and fields of objects. [`Path`] is the only
//! way to put one into a URL, and encodes it.

pub mod decode;
mod path;
pub mod watch;

pub use path::{InvalidSegment, Path};

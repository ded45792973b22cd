//! Requests to a Kubernetes API server, as hub, agent and command line make them.
//!
//! Names come from outside: from enrolments, sessions, arguments and fields of objects. [`Path`] is the only
//! way to put one into a URL, and encodes it. [`Api`] is what reads and writes objects with it: answers are
//! bounded before they are held, and nothing of one is logged or quoted.

mod answer;
mod api;
pub mod decode;
pub mod events;
mod list;
mod path;
mod wait;
pub mod watch;

pub use answer::{AnswerError, answer_error};
pub use api::Api;
pub use path::{InvalidSegment, Path};
pub use wait::await_condition;

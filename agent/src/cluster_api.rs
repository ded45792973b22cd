//! The member's API server: two clients over one HTTP/2 connection, and further ones when watches fill it.
//!
//! | Type | Is | May |
//! |---|---|---|
//! | [`AgentClient`] | the agent itself | only the kinds that [`Resource`] lists |
//! | [`PackageClient`] | one service account, impersonated | everything that account may |
//!
//! Both go through [`transport`], which bounds concurrency and time and turns every refusal into a typed
//! [`Failure`](stevedore_agent_core::failure::Failure). Nothing here repeats a request: that is the caller's
//! decision, after it has read again.

pub mod agent_client;
pub mod answers;
pub mod connect;
mod connections;
pub mod discovery;
pub mod liveness;
pub mod package_client;
mod refusal;
mod resource;
pub mod transport;
pub(crate) mod watch_requests;

pub use agent_client::AgentClient;
pub use discovery::Discovery;
pub use package_client::PackageClient;
pub use resource::Resource;
pub use transport::Transport;

//! Requests against an API server of the test's own making, behind a real client.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests end the test as tests do"
)]

#[path = "requests/answers.rs"]
mod answers;
#[path = "requests/events.rs"]
mod events;
#[path = "requests/lists.rs"]
mod lists;
#[path = "requests/server.rs"]
mod server;
#[path = "requests/urls.rs"]
mod urls;

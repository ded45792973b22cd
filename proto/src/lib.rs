//! The wire protocol between hub and agent.
//!
//! [`v1`] is generated from `proto/` and committed; `tests/bootstrap.rs` fails when it is stale, and writes it
//! anew with `STEVEDORE_REGENERATE=1`. Nothing else is generated at build time and no `protoc` is needed.
//!
//! [`decode`] and [`encode`] convert between the wire and the words of `stevedore-proto-core`. Decoding checks
//! every size and count of [`stevedore_proto_core::limit`]; the transport refuses messages above
//! [`TO_HUB_MESSAGE`] and [`TO_AGENT_MESSAGE`] before they are allocated.
//!
//! Compatibility: field numbers and enum values are never used again; an unknown field is ignored; an unknown
//! kind of message is [`decode::Error::UnknownMessage`], which the receiver counts and skips; reasons are open
//! words. Recorded messages of each release stay in `tests/recorded/` and must still decode.

pub mod decode;
pub mod encode;
pub mod transfer;

/// Generated from `proto/stevedore/agent/v1`.
#[allow(missing_docs, clippy::all, clippy::too_many_lines, unreachable_pub, reason = "generated code")]
#[rustfmt::skip]
#[path = "gen/stevedore.agent.v1.rs"]
pub mod v1;

/// Most bytes of one message from agent to hub.
pub const TO_HUB_MESSAGE: usize = stevedore_proto_core::limit::TO_HUB_MESSAGE;
/// Most bytes of one message from hub to agent, on either call.
pub const TO_AGENT_MESSAGE: usize = stevedore_proto_core::limit::CONTENT_CHUNK + 64 * 1024;

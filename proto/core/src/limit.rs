//! Sizes beyond which a message is refused. Bytes, unless the name says otherwise.

/// One message from agent to hub.
pub const TO_HUB_MESSAGE: usize = 256 * 1024;
/// Content up to this size travels with its order; larger content is fetched.
pub const INLINE_CONTENT: usize = 128 * 1024;
/// One chunk of the content call.
pub const CONTENT_CHUNK: usize = 1024 * 1024;
/// The content of one order.
pub const CONTENT: usize = 16 * 1024 * 1024;
/// The status of one deployment on the wire.
pub const STATUS: usize = 64 * 1024;
/// Entries in one page of held deployments.
pub const HELD_PAGE_ENTRIES: usize = 256;
/// Content digests in one page.
pub const HELD_PAGE_CONTENTS: usize = 1024;
/// Deployments on one cluster.
pub const DEPLOYMENTS: usize = 4096;
/// One object as an API server stores it, estimated by [`crate::stored_size()`]: 1.3 MiB.
pub const STORED_OBJECT: usize = 1_363_148;
/// Phases of one content.
pub const PHASES: usize = 64;
/// A Kubernetes name, namespace or account.
pub const NAME: usize = 253;
/// A reason: one CamelCase word.
pub const REASON: usize = 64;
/// A message for people inside a NACK or a refusal.
pub const MESSAGE: usize = 1024;
/// A redirect address.
pub const REDIRECT: usize = 512;
/// A version text.
pub const VERSION: usize = 128;
/// One address or list of a proxy.
pub const PROXY: usize = 4096;
/// Entries of one map of an environment.
pub const MAP_ENTRIES: usize = 64;
/// A key in a map of an environment: a DNS name, a slash and a name.
pub const MAP_KEY: usize = 317;
/// A value in a map of an environment.
pub const MAP_VALUE: usize = 1024;
/// Keys and values of all maps of an environment together.
pub const ENVIRONMENT_MAPS: usize = 64 * 1024;
/// Hosted clusters of which one member tells.
pub const HOSTED_CLUSTERS: usize = 128;
/// Feature flags in one message.
pub const FEATURES: usize = 64;
/// A certificate signing request, and a join token.
pub const ENROLMENT_FIELD: usize = 16 * 1024;

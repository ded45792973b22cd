//! Bounds of a content: what every member can store of it.
//!
//! They exist once. The schemas of the member's kinds are made from them, and so are the checks of what packages
//! render: what the hub accepts is not refused where it is to be stored. Raising one is a change for which members
//! need the new definitions first. Texts are counted in characters, as schemas count them.

/// Phases of one content.
pub const PHASES: usize = crate::limit::PHASES;
/// The name of a phase. In bytes, which are at least as many as its characters.
pub const PHASE_NAME: usize = 63;
/// Objects of one content.
pub const OBJECTS: usize = 1_000;
/// Condition mappings of one object.
pub const CONDITION_MAPPINGS: usize = 32;
/// Entries of availability probes.
pub const PROBE_ENTRIES: usize = 64;
/// Probes of one entry.
pub const PROBES: usize = 32;
/// A condition's type: a prefix, a slash and a name.
pub const CONDITION_TYPE: usize = 316;
/// What the type of a mapped condition is like.
pub const MAPPED_TYPE: &str =
    "^[a-z0-9]([-a-z0-9.]*[a-z0-9])?/[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$";
/// A condition's status.
pub const CONDITION_STATUS: usize = 16;
/// A dotted path to a field.
pub const FIELD_PATH: usize = 512;
/// A CEL rule.
pub const RULE: usize = 4_096;
/// What is said of an object whose CEL rule is false.
pub const PROBE_MESSAGE: usize = 512;
/// An API group.
pub const GROUP: usize = 253;
/// A kind.
pub const KIND: usize = 63;
/// Labels, expressions, and values of one expression, of a label selector.
pub const SELECTOR_TERMS: usize = 64;
/// The key of a label: a prefix, a slash and a name.
pub const LABEL_KEY: usize = 317;
/// The value of a label.
pub const LABEL_VALUE: usize = 63;
/// Seconds that a content may have to be available for before it has succeeded.
pub const SUCCESS_DELAY_SECONDS: u32 = 86_400;
/// Bytes of keys and values of all annotations of one object: what Kubernetes takes, less what the mark takes.
pub const ANNOTATIONS: usize = 255 * 1024;
/// Bytes of one object of kind Secret with its settings, as JSON: it is stored in a Secret, in a list of its own if
/// need be.
pub const SECRET: usize = 1024 * 1024 - "[]".len();

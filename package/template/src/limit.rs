//! Bounds on one YAML document: what is beyond them is refused with an error, before memory is spent on it.

/// Bytes of one YAML document.
pub const YAML_BYTES: usize = 1_400_000;
/// Nesting of one YAML document.
pub const YAML_DEPTH: usize = 64;
/// Scalars, lists and maps of one YAML document.
pub const YAML_NODES: usize = 100_000;
/// Aliases of one YAML document, and anchors. What they stand for counts among its values each time.
pub const YAML_ALIASES: usize = 1_000;

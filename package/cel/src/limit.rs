//! The bounds on expressions and their evaluation.

/// Longest expression that is compiled, in bytes.
pub const MAX_SOURCE_BYTES: usize = 4 * 1024;
/// Deepest nesting of `(`, `[` and `{`, checked before the parser sees the source.
pub const MAX_BRACKET_DEPTH: usize = 32;
/// Deepest syntax tree: a chain of operators or of member accesses counts one per link (`&&` and `||` are
/// balanced and count logarithmically). Evaluating the deepest tree fits a stack of 2 MiB, also unoptimised.
pub const MAX_TREE_DEPTH: usize = 32;
/// How deep `all`, `exists`, `map`, `filter` and the like may be nested in each other's bodies.
pub const MAX_COMPREHENSION_NESTING: usize = 2;
/// Longest regular expression, in bytes; it must be a literal.
pub const MAX_REGEX_BYTES: usize = 256;
/// Most elements of one list or map that is bound.
pub const MAX_BOUND_ELEMENTS: usize = 2_000;
/// Largest total of what is bound to one evaluation: bytes of strings plus 16 for every value.
pub const MAX_BOUND_SIZE: usize = 4 * 1024 * 1024;
/// Most steps one evaluation may be estimated to take (a step is half a microsecond or so).
pub const MAX_STEPS: u64 = 2_000_000;
/// Most bytes one evaluation may be estimated to build.
pub const MAX_MEMORY: u64 = 64 * 1024 * 1024;

//! The bounds of the engine and of YAML documents. What is beyond them is refused with an error, before memory is
//! spent on it.

/// Texts, actions, operands and names of all templates of a package. Each takes about [`TEMPLATE_PART_BYTES`] parsed.
pub const TEMPLATE_PARTS: usize = 250_000;
/// Bytes that one part of a parsed template takes at most, on average.
pub const TEMPLATE_PART_BYTES: usize = 160;
/// How deeply blocks and parentheses of a template may be nested, together.
pub const TEMPLATE_NESTING: usize = 64;
/// Bytes of a regular expression.
pub const REGEX_BYTES: usize = 64 * 1024;
/// Bytes of a regular expression once it is compiled.
pub const REGEX_COMPILED_BYTES: usize = 1 << 20;
/// How deeply groups and repetitions of a regular expression may be nested.
pub const REGEX_NESTING: u32 = 100;
/// Bits of a number that `addf`, `mulf` and their like compute with.
pub const DECIMAL_BITS: u64 = 32 * 1024;
/// Bytes of a glob pattern.
pub const GLOB_BYTES: usize = 1024;
/// Bytes of one YAML document.
pub const YAML_BYTES: usize = 1_400_000;
/// Nesting of one YAML document.
pub const YAML_DEPTH: usize = 64;
/// Scalars, lists and maps of one YAML document.
pub const YAML_NODES: usize = 100_000;
/// Aliases of one YAML document, and anchors. What they stand for counts among its values each time.
pub const YAML_ALIASES: usize = 1_000;
/// Surprises that are told of one YAML document; there may be more.
pub const YAML_SURPRISES: usize = 50;
/// Fields of a YAML document whose places are kept.
pub const YAML_PLACES: usize = 10_000;
/// Bytes of the path of such a field, and of a key that is told of.
pub const YAML_PATH: usize = 256;

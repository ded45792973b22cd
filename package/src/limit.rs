//! Bounds on what hostile input may cost. What is beyond them is refused with an error, before memory is spent on it.

use stevedore_template::budget::Budget;

pub use stevedore_template::limit::*;

/// Bytes of all layers of an artefact, as they travel.
pub const PACKED_BYTES: usize = 10 * 1024 * 1024;
/// Bytes of all layers of an artefact, unpacked, with what surrounds the files in them.
pub const UNPACKED_BYTES: usize = 64 * 1024 * 1024;
/// How many times larger than packed an artefact may unpack.
pub const RATIO: usize = 100;
/// Unpacked bytes up to which the ratio is not checked: small archives are mostly padding.
pub const RATIO_FREE_BYTES: usize = 1024 * 1024;
/// Entries of all layers, ignored ones included.
pub const ENTRIES: usize = 5_000;
/// Layers of an image: as many as container runtimes take, and a margin.
pub const LAYERS: usize = 256;
/// Bytes of a header that describes one entry of a layer: a long name, or extended attributes. As Go's reader.
pub const HEADER_BYTES: usize = 1024 * 1024;
/// Bytes of one path.
pub const PATH_BYTES: usize = 1_024;
/// Segments of one path.
pub const PATH_SEGMENTS: usize = 16;
/// Bytes of one stored part of a package's files.
pub const PART_BYTES: usize = 768 * 1024;
/// Bytes of an image manifest, index or config.
pub const IMAGE_JSON_BYTES: usize = 256 * 1024;
/// Images of one manifest, and of one lock file.
pub const IMAGES: usize = 512;
/// Components of one package.
pub const COMPONENTS: usize = 128;
/// Objects of one rendered set.
pub const OBJECTS: usize = stevedore_proto_core::content::bounds::OBJECTS;
/// Steps of one rendering: about two seconds of an optimised build, whatever they are used for.
pub const RENDER_STEPS: u64 = 8_000_000;
/// Bytes that the templates of one rendering write together: more could not be the content of a set.
pub const RENDER_OUTPUT: usize = stevedore_proto_core::limit::CONTENT;
/// Named conditions, and conditional paths, of one manifest.
pub const FILTERS: usize = 64;
/// Bytes of the name of a condition.
pub const CONDITION_NAME_BYTES: usize = 63;
/// Steps of compiling all expressions of one manifest, and those of all its schema's rules: half a second of an
/// optimised build.
pub const MANIFEST_CEL_STEPS: u64 = 2_000_000;
/// Steps of evaluating all rules of a schema on one configuration, as CEL counts them: half a second.
pub const RULE_STEPS: u64 = 1_000_000;
/// Objects that one part of a package leaves out, as the record of a rendering keeps them; the rest is counted.
pub const LEFT_OUT: usize = 1_000;
/// Violations that are reported of one package; the rest is counted.
pub const VIOLATIONS: usize = 50;
/// Violations of the objects of one rendering after which no more are looked for.
pub const COUNTED: usize = 10_000;
/// Warnings that are kept of one package; the rest is counted.
pub const WARNINGS: usize = 50;

/// What one rendering may use up.
pub(crate) fn render_budget() -> Budget {
    Budget::new(RENDER_STEPS, RENDER_OUTPUT)
}

//! The OCI image that carries a package: reading archives of one, and building one.

mod build;
mod manifest;
mod read;

pub use build::{Blob, Image, build};
pub use manifest::{
    CONFIG_TYPE, Descriptor, INDEX_TYPE, ImageError, LAYER_TYPE, MANIFEST_TYPE, Manifest,
};
pub use read::read_archive;

#[cfg(test)]
mod tests;

//! The OCI image that carries a package: reading archives of one, and building one.

mod build;
mod descriptor;
mod document;
mod error;
mod index;
mod manifest;
mod read;

pub use build::{Blob, Image, build};
pub use descriptor::{
    CONFIG_TYPE, DOCKER_INDEX_TYPE, DOCKER_MANIFEST_TYPE, Descriptor, INDEX_TYPE, LAYER_TYPE,
    MANIFEST_TYPE, PLATFORM,
};
pub use document::{Document, manifest_of};
pub use error::ImageError;
pub use index::Index;
pub use manifest::Manifest;
pub use read::read_archive;

#[cfg(test)]
mod tests;

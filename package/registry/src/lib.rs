//! Images in registries, read: a reference is resolved to a digest, and the layers behind it are fetched.
//!
//! A registry is a stranger: of no answer, be it a manifest, a layer, a token or an error, more is taken into memory
//! than is allowed for it, and every byte that a digest speaks of is checked against it. Nothing here waits: whoever
//! asks sets the deadlines, and says how much memory pulls may hold together.

mod access;
mod client;
mod image;
#[cfg(test)]
mod tests;

pub use access::{Ask, Error, Settings, Transport};
pub use client::{Connections, Repository, transport};
pub use image::Resolved;
pub use oci_spec::distribution::Reference;

/// The reference, completed the way container tools do.
///
/// # Errors
/// When it is none.
pub fn parse(image: &str) -> Result<Reference, Error> {
    let invalid = |error| format!("{image:?} is not an image reference: {error}");
    image.parse().map_err(|error| Error::Invalid {
        digest: None,
        message: invalid(error),
    })
}

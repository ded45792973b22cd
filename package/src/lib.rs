//! The package format: unpack, validate, render, and the OCI image that carries it.

pub mod archive;
pub mod files;
pub mod image;
pub mod limit;
pub mod violation;
pub mod yaml;

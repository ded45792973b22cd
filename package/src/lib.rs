//! The package format: unpack, validate, render, and the OCI image that carries it.
//!
//! Bytes in, bytes out: nothing here knows files, the network, the time or chance. The way of a package is
//! [`image::read_archive`] or [`archive::unpack`], [`package::Package::load`], then for each cluster
//! [`package::Package::context`] and [`package::Package::render`]. Its files are kept as
//! [`files::StoredFiles`]; [`render::Reads`] tell which clusters share one rendering.

pub mod archive;
mod check;
mod components;
pub mod config;
pub mod credentials;
pub mod diff;
pub mod environment;
pub mod excerpt;
pub mod field;
pub mod files;
pub mod fixtures;
pub mod image;
pub mod kickstart;
pub mod limit;
pub mod manifest;
mod mend;
mod names;
mod object;
pub mod object_name;
pub mod overrides;
pub mod package;
pub mod preview;
pub mod printable;
pub mod render;
mod rest;
mod trial;
pub mod update;
pub mod violation;
pub mod warning;

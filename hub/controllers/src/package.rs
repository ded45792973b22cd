//! Packages: from an image to kept revisions, their content and renderings, and the status of packages.

pub(crate) mod any_package;
pub(crate) mod config_limits;
pub(crate) mod content;
pub(crate) mod controller;
pub(crate) mod foreign_revisions;
pub(crate) mod garbage_collection;
pub(crate) mod named_secrets;
pub(crate) mod new_revision;
pub(crate) mod packages;
pub(crate) mod progress;
pub(crate) mod pull;
pub(crate) mod refused;
pub mod registry;
pub(crate) mod render_cache;
pub(crate) mod render_input;
pub(crate) mod revisions;
pub(crate) mod settling;
pub(crate) mod status;
pub(crate) mod unreadable;

//! The objects of a package: what their authors may say about them, and what must hold of them.

mod annotations;
mod builtin;
pub(crate) mod condition;
mod kinds;
mod labels;
mod metadata;
mod prepare;
mod problem;
mod rules;

pub(crate) use kinds::{is_cluster_scoped, is_namespaced, is_package, is_secret};
pub(crate) use metadata::is_of_one_cluster;
pub(crate) use prepare::{Key, Ready, prepare};
pub(crate) use problem::{Fault, Problem};
pub(crate) use rules::Rules;

#[cfg(test)]
mod tests;

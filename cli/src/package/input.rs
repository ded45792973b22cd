//! Inputs that a person names: a file or standard input, no larger than a package may be.

use std::io::Read as _;
use std::path::Path;

use anyhow::{Context as _, bail};
use stevedore_package::limit;

/// Standard input, if it is no larger than a package may be, and what errors call it.
pub(super) fn standard_input() -> anyhow::Result<(String, Vec<u8>)> {
    let name = "standard input";
    Ok((name.to_owned(), bounded(std::io::stdin(), name)?))
}

/// A file that is no larger than a package may be, and what errors call it.
pub(super) fn read(path: &Path) -> anyhow::Result<(String, Vec<u8>)> {
    let name = path.display().to_string();
    let file = std::fs::File::open(path).with_context(|| format!("cannot read {name}"))?;
    let bytes = bounded(file, &name)?;
    Ok((name, bytes))
}

/// All of an input that is no larger than a package may be.
pub(super) fn bounded(input: impl std::io::Read, name: &str) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let limit = limit::UNPACKED_BYTES;
    let mut input = input.take(limit as u64 + 1);
    let read = input.read_to_end(&mut bytes);
    read.with_context(|| format!("cannot read {name}"))?;
    if bytes.len() > limit {
        bail!("{name} has more than {limit} bytes, the limit of a package");
    }
    Ok(bytes)
}

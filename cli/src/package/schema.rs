//! `stevedore package schema`: the JSON Schemas of a package's own files, for editors.

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use stevedore_package::manifest::schema;

use crate::output;

/// A file that has a schema.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum File {
    /// manifest.yaml
    Manifest,
    /// manifest.lock.yaml
    Lock,
}

#[derive(Debug, Args)]
pub(crate) struct Schema {
    /// Of which file
    #[arg(value_enum)]
    file: File,
}

pub(super) fn run(args: &Schema) -> anyhow::Result<()> {
    let schema = match args.file {
        File::Manifest => schema::manifest(),
        File::Lock => schema::lock(),
    };
    let text = serde_json::to_string_pretty(&schema).context("cannot write the schema")?;
    output::line(&text)
}

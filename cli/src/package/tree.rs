//! `stevedore package tree`: phases and objects of a package, what is left out, and why.

mod drawing;
mod model;
mod words;

use anyhow::Context as _;
use clap::Args;

use super::preview::{Options, tell, warned};
use super::source::Source;
use crate::connection::Connection;
use crate::output::{self, Format};
use crate::terminal::escaped;

pub(super) const EXAMPLES: &str = "\
Examples:
  stevedore package tree ./lighthouse
  stevedore package tree ./lighthouse --component lamp --scope namespace
  stevedore package tree ./lighthouse --cluster harbour-1 -o json
  stevedore package tree --pull registry.example/lighthouse:1 --config config.yaml";

#[derive(Debug, Args)]
pub(crate) struct ShowTree {
    #[command(flatten)]
    source: Source,
    #[command(flatten)]
    options: Options,
    /// Form of the output
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
}

pub(super) async fn run(connection: &Connection, show: ShowTree) -> anyhow::Result<()> {
    let loaded = show.source.load().await?;
    let given = show.options.read(connection).await?;
    let previewed = given.render(&loaded)?;
    tell(given.notes(&loaded));
    tell(warned(&loaded, &previewed));
    let tree = model::tree(&previewed.rendered, &previewed.record);
    let tree = tree.context("a rendering records at least what was asked for")?;
    match show.output {
        Format::Json | Format::Yaml => output::object(show.output, &tree),
        Format::Name => {
            let names = tree.names();
            names
                .iter()
                .try_for_each(|name| output::line(&escaped(name)))
        }
        Format::Table => {
            let package = &loaded.package.manifest().name;
            output::line(
                &words::drawn(&tree, package)
                    .lines(output::width())
                    .join("\n"),
            )
        }
    }
}

#[cfg(test)]
mod tests;

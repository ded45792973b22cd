//! The commands that show what a package renders to: as objects, as a tree, beside another one.

use clap::Subcommand;

use super::{diff, render, tree};
use crate::connection::Connection;
use crate::outcome::Outcome;

#[derive(Debug, Subcommand)]
pub(crate) enum ViewCommand {
    /// Prints the objects of a package as a member would be given them
    #[command(after_help = render::EXAMPLES)]
    Render(render::Render),
    /// Shows phases and objects of a package, what is left out, and why
    #[command(after_help = tree::EXAMPLES)]
    Tree(tree::ShowTree),
    /// Compares two packages or editions of one: objects, fields, manifests
    #[command(after_help = diff::EXAMPLES)]
    Diff(diff::Diff),
}

pub(super) async fn run(connection: &Connection, command: ViewCommand) -> anyhow::Result<Outcome> {
    match command {
        ViewCommand::Render(render) => render::run(connection, render).await?,
        ViewCommand::Tree(tree) => tree::run(connection, tree).await?,
        ViewCommand::Diff(diff) => return diff::run(connection, diff).await,
    }
    Ok(Outcome::Done)
}

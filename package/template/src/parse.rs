//! The parser: builds the parsed form from tokens, by Go's grammar.

mod block;
mod parser;
mod pipeline;

use crate::ast::Trees;
use crate::error::ParseError;
use parser::Parser;

/// Parses one file: its own tree and those it defines. `parts` counts what all files of a set have, and is bounded.
pub(crate) fn parse(
    file: &str,
    source: &str,
    with_files: bool,
    parts: &mut usize,
) -> Result<Trees, ParseError> {
    let mut parser = Parser::new(file, source, with_files, parts);
    let nodes = parser.top_level()?;
    parser.add(file.into(), nodes)?;
    Ok(parser.trees)
}

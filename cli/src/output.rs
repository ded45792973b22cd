//! Tables for people, JSON and YAML for programs.

use std::io::{ErrorKind, IsTerminal as _, Write as _};

use anyhow::Context as _;
use comfy_table::{ColumnConstraint, ContentArrangement, Table, Width};
use serde::Serialize;
use stevedore_package::printable::printable;

/// Widest table on a terminal, in columns, so that it fits beside something else.
const WIDTH: u16 = 100;
/// Blanks between two columns.
const GAP: u16 = 2;

/// Form of what is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// Columns for people
    #[default]
    Table,
    /// JSON
    Json,
    /// YAML
    Yaml,
    /// Names only, one a line
    Name,
}

/// Prints `values` in the wanted form; a list of rows as JSON is `{"items": [...]}`.
///
/// # Errors
/// When standard output is closed.
pub(crate) fn rows<T: Serialize>(
    format: Format,
    values: &[T],
    header: &[&str],
    cells: impl Fn(&T) -> Vec<String>,
) -> anyhow::Result<()> {
    match format {
        Format::Json | Format::Yaml => object(format, &serde_json::json!({ "items": values })),
        Format::Name => values.iter().try_for_each(|value| line(&cells(value)[0])),
        Format::Table if values.is_empty() => {
            eprintln!("nothing found");
            Ok(())
        }
        Format::Table => line(&table(header, values.iter().map(cells))),
    }
}

/// Prints one thing that was done or found: its words for people, its name, or all of it for programs. What a terminal
/// would obey in words and name is escaped.
///
/// # Errors
/// When standard output is closed.
pub(crate) fn one<T: Serialize>(
    format: Format,
    value: &T,
    name: &str,
    words: &str,
) -> anyhow::Result<()> {
    match format {
        Format::Json | Format::Yaml => object(format, value),
        Format::Name => line(&printable(name)),
        Format::Table => line(&printable(words)),
    }
}

/// Prints one value as JSON or YAML; `Table` and `Name` are for the caller to handle.
///
/// # Errors
/// When standard output is closed.
pub(crate) fn object<T: Serialize>(format: Format, value: &T) -> anyhow::Result<()> {
    let text = if format == Format::Yaml {
        serde_saphyr::to_string(value).context("cannot write YAML")?
    } else {
        serde_json::to_string_pretty(value).context("cannot write JSON")?
    };
    line(text.trim_end())
}

/// Prints one line, or several.
///
/// # Errors
/// When standard output is closed.
pub(crate) fn line(text: &str) -> anyhow::Result<()> {
    written(writeln!(std::io::stdout(), "{text}"))
}

/// Prints a text whose colours only a terminal gets.
///
/// # Errors
/// When standard output is closed.
pub(crate) fn coloured(text: &str) -> anyhow::Result<()> {
    written(write!(anstream::stdout(), "{text}"))
}

/// Tells people something beside the output. Where nobody can be told nothing is lost: the exit code says it too.
pub(crate) fn tell(text: &str) {
    let _ = write!(anstream::stderr(), "{text}");
}

/// A reader that wants no more, as `head`, is no failure.
fn written(result: std::io::Result<()>) -> anyhow::Result<()> {
    match result {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        result => result.context("cannot write to standard output"),
    }
}

/// A number of things, in words.
pub(crate) fn counted(number: usize, what: &str) -> String {
    match number {
        1 => format!("1 {what}"),
        _ => format!("{number} {what}s"),
    }
}

/// Whether a person watches: progress is shown on a terminal only.
pub(crate) fn is_watched() -> bool {
    std::io::stderr().is_terminal()
}

/// Columns that a text for people may take: those of the terminal, at most 100, and 100 in a pipe.
pub(crate) fn width() -> usize {
    // Known on a terminal only.
    let terminal = Table::new().width();
    terminal.map_or(WIDTH, |width| width.min(WIDTH)).into()
}

/// kubectl's kind of table: no lines, columns two spaces apart. On a terminal it is at most 100 wide where that
/// can be had by breaking lines between words; a pipe gets one line a row.
pub(crate) fn table(header: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    // Known on a terminal only.
    let terminal = Table::new().width();
    arranged(header, rows, terminal.map(|width| width.min(WIDTH)))
}

fn arranged(
    header: &[&str],
    rows: impl Iterator<Item = Vec<String>>,
    width: Option<u16>,
) -> String {
    let mut table = Table::new();
    table.load_style(comfy_table::presets::NOTHING);
    table.set_header(header.iter().map(|name| name.to_uppercase()));
    let mut longest: Vec<_> = header.iter().map(|name| longest_word(name)).collect();
    for row in rows {
        for (known, cell) in longest.iter_mut().zip(&row) {
            *known = longest_word(cell).max(*known);
        }
        table.add_row(row);
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, GAP));
    }
    if let Some(width) = width {
        table
            .set_content_arrangement(ContentArrangement::Dynamic)
            .set_width(width);
        // Half a name is none: a column is never narrower than its longest word.
        for (column, longest) in table.column_iter_mut().zip(longest) {
            let least = Width::Fixed(longest.saturating_add(GAP));
            column.set_constraint(ColumnConstraint::LowerBoundary(least));
        }
    }
    table
        .lines()
        .map(|line| line.trim_end().to_owned())
        .collect::<Vec<_>>()
        .join("\n")
}

fn longest_word(text: &str) -> u16 {
    let longest = text.split_whitespace().map(|word| word.chars().count());
    u16::try_from(longest.max().unwrap_or(0)).unwrap_or(u16::MAX)
}

/// How long ago, as kubectl says it: `42s`, `5m`, `3h`, `12d`.
pub(crate) fn age(from: jiff::Timestamp, now: jiff::Timestamp) -> String {
    let seconds = now.duration_since(from).as_secs().max(0);
    match seconds {
        0..120 => format!("{seconds}s"),
        120..7_200 => format!("{}m", seconds / 60),
        7_200..172_800 => format!("{}h", seconds / 3_600),
        _ => format!("{}d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_has_upper_case_headers_and_no_trailing_space() {
        let rows = [
            vec!["a".into(), "1".into()],
            vec!["harbour".into(), "22".into()],
        ];
        for width in [None, Some(WIDTH)] {
            let shown = arranged(&["name", "ready"], rows.clone().into_iter(), width);
            assert_eq!(shown, "NAME     READY\na        1\nharbour  22");
        }
    }

    #[test]
    fn a_table_fits_a_hundred_columns_of_a_terminal_and_is_not_broken_in_a_pipe() {
        let rows = || [vec!["a".into(), "word ".repeat(60)]].into_iter();
        let shown = arranged(&["name", "message"], rows(), Some(WIDTH));
        assert!(
            shown.lines().all(|line| line.len() <= usize::from(WIDTH)),
            "{shown}"
        );
        let piped = arranged(&["name", "message"], rows(), None);
        assert_eq!(piped.lines().count(), 2, "{piped}");
    }

    #[test]
    fn an_identifier_is_never_broken() {
        let image = format!("registry.example/{}:1", "lighthouse/".repeat(6));
        let digest = "0123456789ab".repeat(5);
        let message = format!("cannot pull {digest} of the image that was ordered");
        let row = vec!["1".into(), image.clone(), "-".into(), message];
        for width in [40, WIDTH] {
            let rows = std::iter::once(row.clone());
            let shown = arranged(
                &["revision", "image", "change-cause", "message"],
                rows,
                Some(width),
            );
            for word in [image.as_str(), &digest, "CHANGE-CAUSE"] {
                assert!(shown.contains(word), "{word} is broken:\n{shown}");
            }
        }
    }

    #[test]
    fn ages_are_said_as_kubectl_says_them() {
        let at = |second| jiff::Timestamp::from_second(second).unwrap();
        for (seconds, said) in [
            (0, "0s"),
            (119, "119s"),
            (120, "2m"),
            (7_200, "2h"),
            (172_800, "2d"),
        ] {
            assert_eq!(age(at(0), at(seconds)), said);
        }
        assert_eq!(age(at(9), at(0)), "0s");
    }
}

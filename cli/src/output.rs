//! Tables for people, JSON and YAML for programs.

use std::io::{IsTerminal as _, Write as _};

use anyhow::Context as _;
use comfy_table::{ContentArrangement, Table};
use serde::Serialize;

/// Widest table, in columns, so that it fits a terminal beside something else.
const WIDTH: u16 = 100;

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
        Format::Table if values.is_empty() => line("nothing found"),
        Format::Table => line(&table(header, values.iter().map(cells))),
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
    writeln!(std::io::stdout(), "{text}").context("cannot write to standard output")
}

/// Whether a person watches: progress is shown on a terminal only.
pub(crate) fn is_watched() -> bool {
    std::io::stderr().is_terminal()
}

/// kubectl's kind of table: no lines, columns two spaces apart, at most 100 wide.
pub(crate) fn table(header: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    let mut table = Table::new();
    table
        .load_style(comfy_table::presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(WIDTH);
    table.set_header(header.iter().map(|name| name.to_uppercase()));
    for row in rows {
        table.add_row(row);
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    table
        .lines()
        .map(|line| line.trim_end().to_owned())
        .collect::<Vec<_>>()
        .join("\n")
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
        let shown = table(
            &["name", "ready"],
            [
                vec!["a".into(), "1".into()],
                vec!["harbour".into(), "22".into()],
            ]
            .into_iter(),
        );
        assert_eq!(shown, "NAME     READY\na        1\nharbour  22");
    }

    #[test]
    fn a_table_fits_a_hundred_columns() {
        let shown = table(
            &["name", "message"],
            [vec!["a".into(), "word ".repeat(60)]].into_iter(),
        );
        assert!(
            shown.lines().all(|line| line.len() <= usize::from(WIDTH)),
            "{shown}"
        );
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

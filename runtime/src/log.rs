//! Log lines on standard error: for people or as JSON, one event per line.
//!
//! Log text may quote what another machine sent. Control characters are escaped in the finished line, so that
//! no message can forge a second line or drive a terminal.

use std::io::{self, Write};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

/// kube's client warns with the whole answer of an API server when it cannot decode it: whatever the filter asks for,
/// that is not logged.
const BODIES: &str = "kube_client::client=error";

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Format {
    /// `2026-01-02T03:04:05Z  INFO target: message field=value`.
    #[default]
    Human,
    /// One JSON object per line, with the current span's fields.
    Json,
}

/// Logging could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The filter does not parse.
    #[error("log filter {filter:?} is invalid")]
    Filter {
        /// The filter as given.
        filter: String,
        /// What is wrong with it.
        source: tracing_subscriber::filter::ParseError,
    },
    /// A subscriber was installed before.
    #[error("logging is already set up")]
    Installed,
}

/// Installs the process's logging. `filter` is in the syntax of `RUST_LOG`, for example `info,stevedore=debug`.
///
/// # Errors
/// When the filter is invalid or logging was set up before.
pub fn init(format: Format, filter: &str) -> Result<(), Error> {
    let filter = parse(filter)?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(false)
        .with_writer(Escaped);
    match format {
        Format::Human => builder.try_init(),
        Format::Json => builder
            .json()
            .flatten_event(true)
            .with_span_list(true)
            .try_init(),
    }
    .map_err(|_| Error::Installed)
}

/// The filter, without the events of which [`BODIES`] says that they quote answers.
fn parse(filter: &str) -> Result<EnvFilter, Error> {
    let directives = EnvFilter::try_new(filter).map_err(|source| Error::Filter {
        filter: filter.to_owned(),
        source,
    })?;
    let quiet = BODIES.parse().expect("a directive");
    Ok(directives.add_directive(quiet))
}

/// Writes finished lines to standard error with control characters escaped.
#[derive(Debug, Clone, Copy)]
struct Escaped;

impl<'a> MakeWriter<'a> for Escaped {
    type Writer = EscapedWriter<io::Stderr>;

    fn make_writer(&'a self) -> Self::Writer {
        EscapedWriter(io::stderr())
    }
}

#[derive(Debug)]
struct EscapedWriter<W>(W);

impl<W: Write> Write for EscapedWriter<W> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0
            .write_all(escape(&String::from_utf8_lossy(line)).as_bytes())?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// The line with every control character but its final newline written as `\u{..}`.
fn escape(line: &str) -> String {
    let (body, end) = match line.strip_suffix('\n') {
        Some(body) => (body, "\n"),
        None => (line, ""),
    };
    let mut escaped = String::with_capacity(line.len());
    for c in body.chars() {
        match c {
            '\n' => escaped.push_str("\\n"),
            '\t' => escaped.push_str("\\t"),
            c if c.is_control()
                || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}') =>
            {
                escaped.extend(c.escape_unicode());
            }
            c => escaped.push(c),
        }
    }
    escaped.push_str(end);
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_never_reach_the_log() {
        assert_eq!(
            escape("a\nb\tc\u{1b}[31m\u{7f}\u{9b}é\n"),
            "a\\nb\\tc\\u{1b}[31m\\u{7f}\\u{9b}é\n"
        );
        assert_eq!(escape("plain\n"), "plain\n");
    }

    #[test]
    fn formats_and_filters_are_checked() {
        let parse = |text| <Format as clap::ValueEnum>::from_str(text, false);
        assert_eq!(parse("json"), Ok(Format::Json));
        assert!(parse("yaml").is_err());
        assert!(matches!(
            init(Format::Human, "stevedore=loud"),
            Err(Error::Filter { .. })
        ));
    }
}

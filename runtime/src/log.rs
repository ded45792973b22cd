//! Log lines on standard error: for people or as JSON, one event per line.
//!
//! Log text may quote what another machine sent. Control characters are escaped in the finished line, so that
//! no message can forge a second line or drive a terminal. What libraries log of whole answers is dropped, whatever
//! the filter: an answer holds objects of anybody.

use std::io::{self, Write};

use tracing::Subscriber;
use tracing_subscriber::filter::{FilterExt as _, filter_fn};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _, Registry};

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Format {
    /// `2026-01-02T03:04:05Z  INFO target: message field=value`.
    #[default]
    Human,
    /// One JSON object per line, with the current span's fields.
    Json,
}

/// Modules of libraries that log answers: kube's client does so whole, of one that it cannot decode, and its watcher
/// what serde says of one, which quotes values.
const QUOTING: &[&str] = &["kube_client::client", "kube_runtime::watcher"];

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
    let filter = EnvFilter::try_new(filter).map_err(|source| Error::Filter {
        filter: filter.to_owned(),
        source,
    })?;
    subscriber(format, filter, Escaped)
        .try_init()
        .map_err(|_| Error::Installed)
}

fn subscriber<W>(
    format: Format,
    filter: EnvFilter,
    writer: W,
) -> impl Subscriber + Into<tracing::Dispatch>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let filter = filter.and(filter_fn(|about| !QUOTING.contains(&about.target())));
    let lines = tracing_subscriber::fmt::layer()
        .with_ansi(false)
        .with_writer(writer);
    let lines = match format {
        Format::Human => lines.boxed(),
        Format::Json => lines
            .json()
            .flatten_event(true)
            .with_span_list(true)
            .boxed(),
    };
    Registry::default().with(lines.with_filter(filter))
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
    use std::sync::{Arc, Mutex};

    use super::*;

    #[test]
    fn control_characters_never_reach_the_log() {
        assert_eq!(
            escape("a\nb\tc\u{1b}[31m\u{7f}\u{9b}é\n"),
            "a\\nb\\tc\\u{1b}[31m\\u{7f}\\u{9b}é\n"
        );
        assert_eq!(escape("plain\n"), "plain\n");
    }

    /// What is written, in place of standard error.
    #[derive(Clone, Default)]
    struct Captured(Arc<Mutex<Vec<u8>>>);

    impl Write for Captured {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_librarys_lines_with_whole_answers_are_dropped_whatever_the_filter() {
        let cases = [
            "info",
            "trace",
            "kube_client::client=trace",
            "[reading]=trace",
        ];
        let formats = [Format::Human, Format::Json];
        for (filter, format) in cases
            .iter()
            .flat_map(|case| formats.map(|format| (*case, format)))
        {
            let captured = Captured::default();
            let writer = captured.clone();
            let writer = move || writer.clone();
            let subscriber = subscriber(format, EnvFilter::new(filter), writer);
            tracing::subscriber::with_default(subscriber, || {
                let _span = tracing::info_span!("reading").entered();
                tracing::warn!(target: "kube_client::client", "c0nf1dential");
                tracing::warn!(target: "kube_client::client::builder", "a request failed");
            });
            let written = String::from_utf8(captured.0.lock().unwrap().clone()).unwrap();
            assert!(!written.contains("c0nf1dential"), "{filter}: {written}");
            assert!(written.contains("a request failed"), "{filter}: {written}");
        }
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

//! The Go program that renders the same packages, each when it is asked to.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use serde::Deserialize;
use serde_json::{Value, json};
use stevedore_package::package::Package;

use super::corpus::Sample;

/// Where it is, from the root of the repository.
const FOLDER: &str = "package/tests/oracle";

/// The running program.
pub(super) struct Oracle {
    program: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

/// Renderings of one package.
#[derive(Deserialize)]
pub(super) struct Answer {
    pub(super) objects: usize,
    nanoseconds: Vec<u64>,
    /// Why it cannot render it; else empty.
    #[serde(default)]
    pub(super) error: String,
}

impl Answer {
    /// What each rendering took.
    pub(super) fn times(&self) -> impl Iterator<Item = Duration> {
        self.nanoseconds.iter().copied().map(Duration::from_nanos)
    }
}

impl Oracle {
    /// Builds and starts it, with the packages that it will be asked for.
    pub(super) fn start(root: &Path, samples: &[Sample]) -> anyhow::Result<Self> {
        let mut program = Command::new("go")
            .args(["run", "-C"])
            .arg(root.join(FOLDER))
            .args([".", "time"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("go cannot be run")?;
        let input = program.stdin.take().context("it has a standard input")?;
        let output = program.stdout.take().context("it has a standard output")?;
        let mut oracle = Self {
            program,
            input,
            output: BufReader::new(output),
        };
        let packages: anyhow::Result<Vec<Value>> = samples.iter().map(described).collect();
        oracle.tell(&json!({"packages": packages?}))?;
        Ok(oracle)
    }

    /// Lets it render a package, by its place among the samples, so many times.
    pub(super) fn render(&mut self, sample: usize, rounds: usize) -> anyhow::Result<Answer> {
        self.tell(&json!({"package": sample, "rounds": rounds}))?;
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        serde_json::from_str(&line).with_context(|| format!("not as asked for: {line:?}"))
    }

    /// Lets it end.
    pub(super) fn finish(mut self) -> anyhow::Result<()> {
        drop(self.input);
        ensure!(self.program.wait()?.success(), "the Go program failed");
        Ok(())
    }

    fn tell(&mut self, what: &Value) -> anyhow::Result<()> {
        writeln!(self.input, "{what}")?;
        Ok(self.input.flush()?)
    }
}

/// A package as it is told to the program: the files of its root, and what they are rendered with.
fn described(sample: &Sample) -> anyhow::Result<Value> {
    let package = Package::load(sample.files.clone())?;
    let files = sample.files.iter();
    let of_root = files.filter(|(path, _)| !path.starts_with("components/"));
    let files: serde_json::Map<String, Value> = of_root
        .map(|(path, bytes)| (path.to_owned(), String::from_utf8_lossy(bytes).into()))
        .collect();
    let context = sample.context(&package)?;
    Ok(json!({
        "name": sample.name,
        "files": files,
        "context": context.value(),
        "labels": {
            "stevedore.dev/package": package.manifest().name,
            "stevedore.dev/instance": context.value()["package"]["metadata"]["name"],
        },
    }))
}

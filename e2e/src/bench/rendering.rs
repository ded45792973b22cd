//! The measured renderings: packages beside what Go's libraries need for the main part of the same work, a package of
//! many templates, and the start of the command line.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::json;
use stevedore_fleet::Programs;
use stevedore_package::package::Package;
use stevedore_package::preview::Preview;

use super::Machine;
use super::corpus::{Sample, of_templates, samples};
use super::machine::{field, read_file};

/// The argument with which the benchmark program does nothing but [`render_templates`].
pub const TEMPLATES: &str = "--render-templates";

/// Rounds of which the median counts.
pub(super) const ROUNDS: usize = 51;
/// Rounds of what is a process of its own.
const STARTS: usize = 21;
/// Templates of the package of many.
const MANY: usize = 100;
/// The Go program, from the root of the repository.
const ORACLE: &str = "package/tests/oracle";

/// What was found of renderings. Times are medians.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Rendering {
    /// Where and of what.
    pub machine: Machine,
    /// The version of Go.
    pub go: String,
    /// Packages, each with one of its test cases.
    pub packages: Vec<Timed>,
    /// Those that the Go program cannot render: its CEL has no libraries of Kubernetes.
    pub left_out: Vec<String>,
    /// A package of many templates.
    pub many: Many,
    /// Milliseconds from the start of `stevedore package --help` to its end.
    pub help_ms: f64,
}

/// How long the rendering of one package takes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Timed {
    /// Its folder, and the test case.
    pub name: String,
    /// Objects, as the Go program counts them: before any is filtered out.
    pub objects: usize,
    /// Microseconds of Go's libraries: parse the templates, execute them, read the objects, evaluate the conditions.
    pub go_us: f64,
    /// Microseconds of all that is done with the files of a package until there are objects, checks included.
    pub fresh_us: f64,
    /// Microseconds of a rendering of a package that is loaded, as the hub does it.
    pub loaded_us: f64,
}

/// A package of many templates, loaded, checked and rendered by a process that does nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Many {
    /// Templates.
    pub templates: usize,
    /// Milliseconds of all of it.
    pub ms: f64,
    /// The most memory the process had resident, its program text included.
    pub peak_kib: u64,
}

#[derive(Deserialize)]
struct Answer {
    name: String,
    objects: usize,
    nanoseconds: u64,
    #[serde(default)]
    error: String,
}

/// Measures renderings.
///
/// # Errors
/// When a package cannot be rendered, Go cannot be run, or the machine cannot be read.
pub async fn measure_rendering(root: &Path, say: &dyn Fn(&str)) -> anyhow::Result<Rendering> {
    let machine = Machine::read(root)?;
    let programs = Programs::locate().await?;
    let samples = samples(root)?;
    say(&format!(
        "rendering {} packages, {ROUNDS} times",
        samples.len()
    ));
    let mut packages = Vec::new();
    let mut left_out = Vec::new();
    for (sample, answer) in samples.iter().zip(of_go(root, &samples)?) {
        ensure!(sample.name == answer.name, "answers in another order");
        if answer.error.is_empty() {
            packages.push(timed(sample, &answer)?);
        } else {
            let why = answer.error.lines().next().unwrap_or_default();
            left_out.push(format!("{}: {why}", sample.name));
        }
    }
    say("rendering a package of many templates");
    let many = many()?;
    let mut starts = Vec::new();
    for _ in 0..STARTS {
        let mut help = Command::new(programs.path("stevedore"));
        let begin = Instant::now();
        let output = help.args(["package", "--help"]).output()?;
        starts.push(begin.elapsed());
        ensure!(output.status.success(), "the command line has no help");
    }
    Ok(Rendering {
        machine,
        go: text_of(Command::new("go").arg("version"))?,
        packages,
        left_out,
        many,
        help_ms: median(starts).as_secs_f64() * 1e3,
    })
}

/// Loads, checks and renders a package of many templates, and tells how long that took and how much memory there was.
///
/// # Errors
/// When it cannot be rendered.
pub fn render_templates() -> anyhow::Result<()> {
    let files = of_templates(MANY)?;
    let begin = Instant::now();
    let package = Package::load(files)?;
    package.check()?;
    let rendered = package.render(&package.preview(&Preview::default())?)?;
    let taken = begin.elapsed();
    let objects: usize = rendered
        .content
        .phases
        .iter()
        .map(|it| it.objects.len())
        .sum();
    ensure!(objects == MANY, "{objects} objects");
    let many = Many {
        templates: MANY,
        ms: taken.as_secs_f64() * 1e3,
        peak_kib: field(&read_file("/proc/self/status")?, "VmHWM")?,
    };
    println!("{}", serde_json::to_string(&many)?);
    Ok(())
}

/// The median by time, and the greatest peak.
fn many() -> anyhow::Result<Many> {
    let program = std::env::current_exe()?;
    let run = |_| parsed::<Many>(&text_of(Command::new(&program).arg(TEMPLATES))?);
    let mut runs = (0..STARTS).map(run).collect::<anyhow::Result<Vec<_>>>()?;
    runs.sort_by(|one, other| one.ms.total_cmp(&other.ms));
    let peak_kib = runs.iter().map(|run| run.peak_kib).max();
    Ok(Many {
        peak_kib: peak_kib.unwrap_or_default(),
        ..runs[(STARTS - 1) / 2]
    })
}

fn timed(sample: &Sample, answer: &Answer) -> anyhow::Result<Timed> {
    let rendered = |package: &Package| -> anyhow::Result<usize> {
        let rendered = package.render(&sample.context(package)?)?;
        Ok(rendered.content.phases.len())
    };
    let mut fresh = Vec::new();
    let mut loaded = Vec::new();
    for _ in 0..ROUNDS {
        let files = sample.files.clone();
        let begin = Instant::now();
        let package = Package::load(files)?;
        std::hint::black_box(rendered(&package)?);
        fresh.push(begin.elapsed());
        let begin = Instant::now();
        std::hint::black_box(rendered(&package)?);
        loaded.push(begin.elapsed());
    }
    let microseconds = |time: Duration| time.as_secs_f64() * 1e6;
    Ok(Timed {
        name: sample.name.clone(),
        objects: answer.objects,
        go_us: microseconds(Duration::from_nanos(answer.nanoseconds)),
        fresh_us: microseconds(median(fresh)),
        loaded_us: microseconds(median(loaded)),
    })
}

/// What the Go program says of the same packages.
fn of_go(root: &Path, samples: &[Sample]) -> anyhow::Result<Vec<Answer>> {
    let mut packages = Vec::new();
    for sample in samples {
        let package = Package::load(sample.files.clone())?;
        let files = sample.files.iter();
        let of_root = files.filter(|(path, _)| !path.starts_with("components/"));
        let files: serde_json::Map<String, serde_json::Value> = of_root
            .map(|(path, bytes)| (path.to_owned(), String::from_utf8_lossy(bytes).into()))
            .collect();
        let context = sample.context(&package)?;
        packages.push(json!({
            "name": sample.name,
            "files": files,
            "context": context.value(),
            "labels": {
                "stevedore.dev/package": package.manifest().name,
                "stevedore.dev/instance": context.value()["package"]["metadata"]["name"],
            },
        }));
    }
    let question = json!({"rounds": ROUNDS, "packages": packages}).to_string();
    let mut go = Command::new("go")
        .args(["run", "-C"])
        .arg(root.join(ORACLE))
        .args([".", "time"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .context("go cannot be run")?;
    let mut input = go.stdin.take().context("it has a standard input")?;
    input.write_all(question.as_bytes())?;
    drop(input);
    let output = go.wait_with_output()?;
    ensure!(output.status.success(), "the Go program failed");
    parsed(&String::from_utf8(output.stdout)?)
}

fn parsed<T: DeserializeOwned>(text: &str) -> anyhow::Result<T> {
    serde_json::from_str(text).with_context(|| format!("not as asked for: {text}"))
}

fn text_of(command: &mut Command) -> anyhow::Result<String> {
    let output = command.output().with_context(|| format!("{command:?}"))?;
    ensure!(output.status.success(), "{command:?} failed");
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times
        .get(times.len().saturating_sub(1) / 2)
        .copied()
        .unwrap_or_default()
}

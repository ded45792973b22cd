//! The measured renderings: packages beside what Go's libraries need for the main part of the same work, a package of
//! many templates, and the start of the command line.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use stevedore_fleet::Programs;
use stevedore_package::package::Package;
use stevedore_package::preview::Preview;

use super::Machine;
use super::corpus::{Sample, of_templates, samples};
use super::machine::{field, read_file};
use super::oracle::Oracle;

/// The argument with which the benchmark program does nothing but [`render_templates`].
pub const TEMPLATES: &str = "--render-templates";

/// Turns that the Go program and ours take on a package, and rounds of each turn: what disturbs the machine disturbs
/// both.
const TURNS: usize = 17;
const ROUNDS_PER_TURN: usize = 3;
/// Rounds of which the median counts.
pub(super) const ROUNDS: usize = TURNS * ROUNDS_PER_TURN;
/// Rounds of what is a process of its own.
const STARTS: usize = 21;
/// Templates of the package of many.
const MANY: usize = 100;

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
    let mut oracle = Oracle::start(root, &samples)?;
    for (number, sample) in samples.iter().enumerate() {
        match timed(&mut oracle, number, sample)? {
            Ok(package) => packages.push(package),
            Err(error) => {
                let why = error.lines().next().unwrap_or_default();
                left_out.push(format!("{}: {why}", sample.name));
            }
        }
    }
    oracle.finish()?;
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

/// Times one package, by its place among the samples: the Go program and ours in turn. Else with why the Go program
/// cannot render it.
fn timed(
    oracle: &mut Oracle,
    number: usize,
    sample: &Sample,
) -> anyhow::Result<Result<Timed, String>> {
    let rendered = |package: &Package| -> anyhow::Result<usize> {
        let rendered = package.render(&sample.context(package)?)?;
        Ok(rendered.content.phases.len())
    };
    let kept = Package::load(sample.files.clone())?;
    let (mut go, mut fresh, mut loaded) = (Vec::new(), Vec::new(), Vec::new());
    let mut objects = 0;
    for _ in 0..TURNS {
        let answer = oracle.render(number, ROUNDS_PER_TURN)?;
        if !answer.error.is_empty() {
            return Ok(Err(answer.error));
        }
        objects = answer.objects;
        go.extend(answer.times());
        for _ in 0..ROUNDS_PER_TURN {
            let files = sample.files.clone();
            let begin = Instant::now();
            let package = Package::load(files)?;
            std::hint::black_box(rendered(&package)?);
            fresh.push(begin.elapsed());
        }
        for _ in 0..ROUNDS_PER_TURN {
            let begin = Instant::now();
            std::hint::black_box(rendered(&kept)?);
            loaded.push(begin.elapsed());
        }
    }
    let microseconds = |times: Vec<Duration>| median(times).as_secs_f64() * 1e6;
    Ok(Ok(Timed {
        name: sample.name.clone(),
        objects,
        go_us: microseconds(go),
        fresh_us: microseconds(fresh),
        loaded_us: microseconds(loaded),
    }))
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

//! The breaks program: it breaks the system on purpose, one promise at a time, and demands that the named test
//! notices.
//!
//! `cargo run -p stevedore-e2e --bin breaks [NAME...]`: copies the tracked files to `target/breaks/tree`, applies
//! each `e2e/breaks/NAME.patch` there, and runs the test that its header names:
//!
//! ```text
//! # must fail: CRATE TEST                 a unit test
//! # must fail: CRATE/TEST_BINARY TEST     a test of a test binary
//! ```
//!
//! A patch that does not apply, does not compile, or does not make its test fail, fails the command.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context as _, bail, ensure};

/// What stands before crate and test in a patch.
const HEADER: &str = "# must fail: ";

fn main() -> ExitCode {
    match run() {
        Ok(0) => ExitCode::SUCCESS,
        Ok(missed) => {
            eprintln!("{missed} breaks were not noticed");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn root() -> anyhow::Result<&'static Path> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent();
    root.context("the crate is in a workspace")
}

fn run() -> anyhow::Result<usize> {
    let root = root()?;
    let breaks = Break::chosen(&root.join("e2e/breaks"), std::env::args().skip(1).collect())?;
    let work = root.join("target/breaks");
    let tree = Tree {
        root: root.to_owned(),
        copy: work.join("tree"),
        target: work.join("target"),
    };
    let mut missed = 0;
    for one in &breaks {
        tree.refresh()?;
        match tree.notices(one) {
            Ok(()) => println!("noticed  {}  by {}", one.name, one.test),
            Err(error) => {
                missed += 1;
                println!("MISSED   {}: {error:#}", one.name);
            }
        }
    }
    tree.refresh()?;
    Ok(missed)
}

/// One deliberate bug.
struct Break {
    name: String,
    patch: PathBuf,
    crate_name: String,
    /// Absent: the crate's unit tests.
    binary: Option<String>,
    test: String,
}

impl Break {
    /// The breaks of these names, or all.
    fn chosen(folder: &Path, mut names: BTreeSet<String>) -> anyhow::Result<Vec<Self>> {
        let all = names.is_empty();
        let mut chosen = vec![];
        let entries = folder
            .read_dir()
            .with_context(|| folder.display().to_string())?;
        for entry in entries {
            let patch = entry?.path();
            let Some(name) = patch
                .file_name()
                .and_then(|name| name.to_str()?.strip_suffix(".patch"))
            else {
                continue;
            };
            if all || names.remove(name) {
                chosen.push(Self::read(name.to_owned(), patch.clone())?);
            }
        }
        ensure!(names.is_empty(), "there is no break {names:?}");
        chosen.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(chosen)
    }

    fn read(name: String, patch: PathBuf) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(&patch)?;
        let header = text
            .lines()
            .find_map(|line| line.strip_prefix(HEADER))
            .and_then(|header| header.split_once(' '));
        let (place, test) =
            header.with_context(|| format!("{name}: no line `{HEADER}CRATE TEST`"))?;
        let (crate_name, binary) = match place.split_once('/') {
            Some((crate_name, binary)) => (crate_name, Some(binary.to_owned())),
            None => (place, None),
        };
        Ok(Self {
            crate_name: crate_name.to_owned(),
            binary,
            test: test.trim().to_owned(),
            name,
            patch,
        })
    }
}

/// A copy of the source that may be broken, with a build cache of its own.
struct Tree {
    root: PathBuf,
    copy: PathBuf,
    target: PathBuf,
}

impl Tree {
    /// Makes the copy the same as the source. What is the same already is not written, so that it is not built again.
    fn refresh(&self) -> anyhow::Result<()> {
        let listed = Command::new("git")
            .args(["ls-files", "-z"])
            .current_dir(&self.root)
            .output()
            .context("git cannot be run")?;
        ensure!(listed.status.success(), "git ls-files failed");
        for name in listed.stdout.split(|byte| *byte == 0) {
            let name = str::from_utf8(name)?;
            let (from, to) = (self.root.join(name), self.copy.join(name));
            if name.is_empty() || !from.is_file() {
                continue;
            }
            let wanted = std::fs::read(&from)?;
            if std::fs::read(&to).is_ok_and(|there| there == wanted) {
                continue;
            }
            if let Some(folder) = to.parent() {
                std::fs::create_dir_all(folder)?;
            }
            std::fs::write(&to, wanted).with_context(|| to.display().to_string())?;
        }
        Ok(())
    }

    /// Applies a break to the copy and runs its test there.
    fn notices(&self, one: &Break) -> anyhow::Result<()> {
        let applied = Command::new("git")
            .arg("apply")
            .arg(&one.patch)
            .current_dir(&self.copy)
            // Else the copy would count as a folder of the repository around it.
            .env(
                "GIT_CEILING_DIRECTORIES",
                self.copy.parent().unwrap_or(&self.copy),
            )
            .output()
            .context("git cannot be run")?;
        if !applied.status.success() {
            bail!(
                "does not apply: {}",
                String::from_utf8_lossy(&applied.stderr)
            );
        }
        let built = self.cargo(one, &["--no-run"])?;
        ensure!(built.0, "does not compile:\n{}", built.1);
        let (passed, said) = self.cargo(one, &["--", "--exact", &one.test])?;
        ensure!(
            !passed,
            "its test passes all the same (or there is no such test)"
        );
        let failed = format!("test {} ... FAILED", one.test);
        ensure!(
            said.contains(&failed),
            "ended without a failed test:\n{said}"
        );
        Ok(())
    }

    fn cargo(&self, one: &Break, more: &[&str]) -> anyhow::Result<(bool, String)> {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut command = Command::new(cargo);
        command
            .args(["test", "--locked", "-p", &one.crate_name])
            .current_dir(&self.copy)
            .env("CARGO_TARGET_DIR", &self.target)
            .env("RUST_BACKTRACE", "0");
        match &one.binary {
            Some(binary) => command.args(["--test", binary]),
            None => command.arg("--lib"),
        };
        let output = command.args(more).output().context("cargo cannot be run")?;
        let said = [output.stdout, output.stderr].concat();
        Ok((
            output.status.success(),
            String::from_utf8_lossy(&said).into_owned(),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_break_still_fits_the_source() {
        let root = root().unwrap();
        let breaks = Break::chosen(&root.join("e2e/breaks"), BTreeSet::new()).unwrap();
        assert!(!breaks.is_empty());
        let unfit = breaks.iter().filter_map(|one| {
            let mut git = Command::new("git");
            let git = git.args(["apply", "--check"]).arg(&one.patch);
            let checked = git.current_dir(root).output().unwrap();
            let why = String::from_utf8_lossy(&checked.stderr).into_owned();
            (!checked.status.success()).then(|| format!("{}: {why}", one.name))
        });
        let unfit: Vec<_> = unfit.collect();
        assert!(unfit.is_empty(), "{}", unfit.join("\n"));
    }
}

//! Our own programs, found or built: `stevedore-hub`, `stevedore-agent`, `stevedore`.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::error::Error;
use crate::guard::Guard;
use crate::process::{Process, ProcessSpec};
use crate::progress::{Event, Progress, Silent};
use crate::start::TAIL;

/// Longest build of our programs.
const BUILT_WITHIN: Duration = Duration::from_secs(40 * 60);
/// How often a running build is reported.
const TICK: Duration = Duration::from_secs(1);

/// Where our programs are.
#[derive(Clone, Debug)]
pub struct Programs {
    folder: PathBuf,
}

impl Programs {
    /// Looks beside the running program; where that was built by cargo, lets cargo bring all of
    /// them up to date there first, so that hub, agent and command line are of one source.
    ///
    /// # Errors
    /// When a program is missing and cannot be built; the message says what to do.
    pub async fn locate() -> Result<Self, Error> {
        Self::locate_showing(&Silent).await
    }

    /// As [`locate`](Self::locate), and reports what cargo does meanwhile.
    ///
    /// # Errors
    /// As there.
    pub async fn locate_showing(progress: &dyn Progress) -> Result<Self, Error> {
        let running =
            std::env::current_exe().map_err(Error::io(Path::new("the running program")))?;
        // Test binaries are one folder deeper than programs.
        let folder = running
            .ancestors()
            .skip(1)
            .find(|folder| folder.file_name().is_none_or(|name| name != "deps"))
            .unwrap_or(Path::new("."))
            .to_owned();
        let found = Self { folder };
        if let Some(cargo) = std::env::var_os("CARGO") {
            found.build(Path::new(&cargo), progress).await?;
        }
        for program in ["stevedore-hub", "stevedore-agent"] {
            let path = found.path(program);
            if !path.is_file() {
                return Err(Error::Programs(format!(
                    "{program} is not beside the running program ({}); put it there, or run from the source with cargo",
                    path.display()
                )));
            }
        }
        Ok(found)
    }

    /// Path of a program of ours.
    pub fn path(&self, program: &str) -> PathBuf {
        self.folder
            .join(format!("{program}{}", std::env::consts::EXE_SUFFIX))
    }

    /// Builds under a guard of its own, so that no compiler survives the one who asked for it.
    async fn build(&self, cargo: &Path, progress: &dyn Progress) -> Result<(), Error> {
        let guard = Guard::start()?;
        let log = self.folder.join("stevedore-programs.log");
        match std::fs::remove_file(&log) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(Error::io(&log)(error));
            }
            _ => {}
        }
        let mut args = vec!["build", "--locked", "--workspace", "--bins"];
        // `target/debug` or `target/release`: the same profile as the running program's.
        if self
            .folder
            .file_name()
            .is_some_and(|name| name == "release")
        {
            args.push("--release");
        }
        let spec = ProcessSpec {
            name: "cargo build".into(),
            program: cargo.to_owned(),
            args: args.into_iter().map(str::to_owned).collect(),
            env: vec![],
            dir: Some(Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")),
            log,
        };
        let process = Process::start(&guard, &spec).await?;
        let started = Instant::now();
        let exit = loop {
            if let Ok(exit) = tokio::time::timeout(TICK, process.ended()).await {
                break exit;
            }
            let elapsed = started.elapsed();
            if elapsed > BUILT_WITHIN {
                return Err(Error::Programs("cargo build did not end in time".into()));
            }
            progress.report(&Event::Compiling {
                elapsed,
                line: process.log_tail(1),
            });
        };
        if exit.code == Some(0) {
            return Ok(());
        }
        Err(Error::Programs(format!(
            "cargo build failed ({}):\n{}",
            exit.text,
            process.log_tail(TAIL)
        )))
    }
}

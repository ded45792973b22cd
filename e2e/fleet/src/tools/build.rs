//! The build of a program from its Go module, safe beside other processes that do the same.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::tool::Source;
use super::{Error, KUBERNETES_VERSION, Locator, Tool, executable};
use crate::guard::Guard;
use crate::process::{Process, ProcessSpec, log_tail};
use crate::progress::{Event, Progress};

/// The oldest Go that builds this release of Kubernetes.
const GO_MINIMUM: (u32, u32) = (1, 26);

/// How often a running build is reported.
const TICK: Duration = Duration::from_secs(10);

/// How often a lock that another process holds is tried again.
const LOCK_RETRY: Duration = Duration::from_millis(200);

impl Locator {
    pub(super) async fn build(
        &self,
        tool: Tool,
        number: usize,
        of: usize,
        guard: &Guard,
        progress: &dyn Progress,
    ) -> Result<PathBuf, Error> {
        self.check_go(tool).await?;
        let folder = self.folder(tool);
        std::fs::create_dir_all(&folder).map_err(|source| cache_error(&folder, source))?;
        // The lock is let go with the file, also when this process is killed.
        let _lock = lock(&folder, progress).await?;
        if let Some(path) = executable(&folder, tool) {
            return Ok(path); // built by another process meanwhile
        }
        progress.report(&Event::Building { tool, number, of });
        let started = Instant::now();
        let work = folder.join(".build");
        write_module(&work, tool.source()).map_err(|source| cache_error(&work, source))?;
        let unfinished = work.join(tool.name());
        let log = work.join(format!("{tool}.log"));
        match std::fs::remove_file(&log) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(cache_error(&log, error));
            }
            _ => {}
        }
        let build = self.go_build(tool, &work, &unfinished, &log);
        let process = Process::start(guard, &build).await?;
        let exit = loop {
            match tokio::time::timeout(TICK, process.ended()).await {
                Ok(exit) => break exit,
                Err(_) => progress.report(&Event::StillBuilding {
                    tool,
                    elapsed: started.elapsed(),
                    line: process.log_tail(1),
                }),
            }
        };
        if exit.code != Some(0) {
            return Err(Error::Build {
                tool,
                exit: exit.text,
                tail: log_tail(&log, 20),
                log: log.display().to_string(),
            });
        }
        let path = folder.join(tool.name());
        std::fs::rename(&unfinished, &path).map_err(|source| cache_error(&path, source))?;
        progress.report(&Event::Built {
            tool,
            elapsed: started.elapsed(),
        });
        Ok(path)
    }

    fn go_build(&self, tool: Tool, work: &Path, output: &Path, log: &Path) -> ProcessSpec {
        let version = "k8s.io/component-base/version";
        let mut numbers = KUBERNETES_VERSION.trim_start_matches('v').split('.');
        let (major, minor) = (
            numbers.next().unwrap_or_default(),
            numbers.next().unwrap_or_default(),
        );
        let ldflags = format!(
            "-s -w -X {version}.gitVersion={KUBERNETES_VERSION} -X {version}.gitMajor={major} -X {version}.gitMinor={minor}"
        );
        ProcessSpec {
            name: format!("go build {tool}"),
            program: PathBuf::from(&self.go),
            args: [
                "build",
                "-mod=readonly",
                "-trimpath",
                "-ldflags",
                &ldflags,
                "-o",
                &output.display().to_string(),
                tool.go_package(),
            ]
            .map(str::to_owned)
            .to_vec(),
            env: vec![
                ("CGO_ENABLED".to_owned(), "0".to_owned()),
                ("GOWORK".to_owned(), "off".to_owned()),
            ],
            dir: Some(work.to_owned()),
            log: log.to_owned(),
        }
    }

    /// Whether there is a Go that is new enough.
    async fn check_go(&self, tool: Tool) -> Result<(), Error> {
        let output = tokio::process::Command::new(&self.go)
            .args(["env", "GOVERSION"])
            .current_dir(std::env::temp_dir())
            .stdin(std::process::Stdio::null())
            .kill_on_drop(true)
            .output()
            .await;
        let problem = match output {
            Err(error) => format!("there is no usable go command on PATH ({error})"),
            Ok(output) if !output.status.success() => format!("go env fails ({})", output.status),
            Ok(output) => {
                let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
                if go_version(&text).is_some_and(|version| version >= GO_MINIMUM) {
                    return Ok(());
                }
                format!("the go command on PATH is {text}")
            }
        };
        Err(Error::Missing {
            tool,
            assets: match &self.assets {
                Some(folder) => folder.display().to_string(),
                None => "not set".to_owned(),
            },
            cache: self.folder(tool).display().to_string(),
            go: problem,
        })
    }
}

/// `go1.26.8` and also `go1.27rc1` as two numbers.
fn go_version(text: &str) -> Option<(u32, u32)> {
    let mut parts = text.strip_prefix("go")?.split('.');
    let major = parts.next()?.parse().ok()?;
    let minor: String = parts
        .next()?
        .chars()
        .take_while(char::is_ascii_digit)
        .collect();
    Some((major, minor.parse().ok()?))
}

async fn lock(folder: &Path, progress: &dyn Progress) -> Result<File, Error> {
    let path = folder.join(".lock");
    let file = File::create(&path).map_err(|source| cache_error(&path, source))?;
    let mut said = false;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::Error(source)) => return Err(cache_error(&path, source)),
            Err(TryLockError::WouldBlock) => {}
        }
        if !said {
            said = true;
            progress.report(&Event::WaitingForBuild {
                folder: folder.to_owned(),
            });
        }
        tokio::time::sleep(LOCK_RETRY).await;
    }
}

fn write_module(work: &Path, source: &Source) -> std::io::Result<()> {
    std::fs::create_dir_all(work)?;
    std::fs::write(work.join("go.mod"), source.go_mod)?;
    std::fs::write(work.join("go.sum"), source.go_sum)
}

fn cache_error(path: &Path, source: std::io::Error) -> Error {
    Error::Cache {
        path: path.display().to_string(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::go_version;

    #[test]
    fn go_versions_are_read_with_and_without_a_patch_or_candidate() {
        assert_eq!(go_version("go1.26.8"), Some((1, 26)));
        assert_eq!(go_version("go1.27rc1"), Some((1, 27)));
        assert_eq!(go_version("devel"), None);
    }
}

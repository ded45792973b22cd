//! The machine and the commit that something was measured on.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, ensure};
use serde::{Deserialize, Serialize};

/// Where and of what something was measured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// The commit that was built.
    pub commit: String,
    /// Whether the source differed from that commit.
    pub modified: bool,
    /// When, in UTC.
    pub date: String,
    /// The processor's own name.
    pub processor: String,
    /// How many of its cores were to be had.
    pub cores: usize,
    /// Memory in MiB.
    pub memory_mib: u64,
    /// The kernel's release.
    pub kernel: String,
}

impl Machine {
    /// Reads what this machine and the repository say of themselves.
    ///
    /// # Errors
    /// When this is no Linux, or git does not answer.
    pub fn read(root: &Path) -> anyhow::Result<Self> {
        let processors = read_file("/proc/cpuinfo")?;
        let memory = field(&read_file("/proc/meminfo")?, "MemTotal")?;
        Ok(Self {
            commit: git(root, &["rev-parse", "HEAD"])?,
            // Its own results do not count as a change.
            modified: !git(
                root,
                &["status", "--porcelain", "--", ".", ":!docs/benchmarks.*"],
            )?
            .is_empty(),
            date: jiff::Timestamp::now().strftime("%Y-%m-%d").to_string(),
            processor: processors
                .lines()
                .find_map(|line| line.strip_prefix("model name")?.split_once(": "))
                .map_or_else(|| "unknown".to_owned(), |(_, name)| name.trim().to_owned()),
            cores: std::thread::available_parallelism()?.get(),
            memory_mib: memory / 1024,
            kernel: read_file("/proc/sys/kernel/osrelease")?.trim().to_owned(),
        })
    }
}

/// A field of a file in `/proc` that counts KiB.
pub(super) fn field(text: &str, name: &str) -> anyhow::Result<u64> {
    text.lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
        .and_then(|value| value.trim().trim_end_matches("kB").trim().parse().ok())
        .with_context(|| format!("no {name} in /proc"))
}

pub(super) fn read_file(path: &str) -> anyhow::Result<String> {
    std::fs::read_to_string(path).with_context(|| path.to_owned())
}

fn git(root: &Path, args: &[&str]) -> anyhow::Result<String> {
    let output = Command::new("git")
        .args(args)
        .current_dir(root)
        .output()
        .context("git cannot be run")?;
    ensure!(output.status.success(), "git {} failed", args.join(" "));
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

//! Memory and processor time of a process, as the kernel counts them.

use std::time::Duration;

use anyhow::Context as _;

use super::Memory;
use super::machine::{field, read_file};

/// `CLK_TCK`: what the kernel counts a process's time in, fixed for user space (proc(5)).
const TICKS_PER_SECOND: f64 = 100.0;

/// Its memory now.
pub(super) fn memory(pid: i32) -> anyhow::Result<Memory> {
    let status = read_file(&format!("/proc/{pid}/status"))?;
    Ok(Memory {
        resident_kib: field(&status, "VmRSS")?,
        anonymous_kib: field(&status, "RssAnon")?,
    })
}

/// The processor time it has used so far.
pub(super) fn cpu(pid: i32) -> anyhow::Result<Duration> {
    let stat = read_file(&format!("/proc/{pid}/stat"))?;
    // What stands before the last parenthesis is the program's name, which may hold anything; utime and stime are
    // fields 14 and 15, counted from 1.
    let ticks = stat.rsplit_once(')').and_then(|(_, rest)| {
        let mut fields = rest.split_whitespace().skip(11);
        let user: f64 = fields.next()?.parse().ok()?;
        let system: f64 = fields.next()?.parse().ok()?;
        Some(user + system)
    });
    let ticks = ticks.with_context(|| format!("/proc/{pid}/stat is not as proc(5) says"))?;
    Ok(Duration::from_secs_f64(ticks / TICKS_PER_SECOND))
}

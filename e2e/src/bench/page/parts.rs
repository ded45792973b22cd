//! Tables and figures, as all parts of the page write them.

use std::fmt::Write as _;

use super::super::Machine;

/// The table of where, and of what, something was measured.
pub(super) fn about(page: &mut String, machine: &Machine, others: &[(&str, &str)]) {
    let modified = if machine.modified {
        ", with changes that are not committed"
    } else {
        ""
    };
    let _ = writeln!(
        page,
        "| | |\n|---|---|\n\
         | Commit | `{}`{modified} |\n\
         | Date | {} |\n\
         | Machine | {}, {} cores, {} MiB, Linux {} |",
        machine.commit,
        machine.date,
        machine.processor,
        machine.cores,
        machine.memory_mib,
        machine.kernel,
    );
    for (what, is) in others {
        let _ = writeln!(page, "| {what} | {is} |");
    }
    page.push('\n');
}

/// Whether a goal is met.
pub(super) fn verdict(met: bool) -> &'static str {
    if met { "met" } else { "**missed**" }
}

/// Memory as people read it.
#[expect(clippy::cast_precision_loss, reason = "memory far below 2^52 KiB")]
pub(super) fn mib(kib: u64) -> f64 {
    kib as f64 / 1024.0
}

/// Median and greatest; of an even number the lower of the two in the middle.
pub(super) fn middle(figures: impl Iterator<Item = f64>) -> (f64, f64) {
    let mut figures: Vec<_> = figures.collect();
    figures.sort_by(f64::total_cmp);
    let median = figures.get(figures.len().saturating_sub(1) / 2);
    (
        median.copied().unwrap_or_default(),
        figures.last().copied().unwrap_or_default(),
    )
}

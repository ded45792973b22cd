//! The page that people read, made of a report and of nothing else.

use std::fmt::Write as _;

use super::{Memory, Pair, Report, Run};

/// What a line speaks about, its goal, and the figure of one run.
type Line<T> = (&'static str, f64, fn(&Run) -> T);

/// Writes the page.
#[must_use]
pub fn page(report: &Report) -> String {
    let mut page = String::from(
        "# Benchmarks\n\n\
         Written by `cargo run --release --locked -p stevedore-e2e --bin bench` from [benchmarks.json](benchmarks.json); \
         not edited by hand.\n\n\
         A hub and three members, each a real API server, with a registry, the hub and the agents as processes on one \
         machine. Absolute times say something about that machine; the ratios compare with bare server-side applies of \
         the same objects to the same API servers in the same run, 16 in flight per member. Stevedore's time begins with \
         the request that creates the package on the hub and ends with the event that says that it is Available there: \
         pulling the image, rendering, ledger, transfer, three phases and the way back are in it.\n\n",
    );
    about(&mut page, report);
    times(&mut page, &report.runs);
    costs(&mut page, report);
    page
}

fn about(page: &mut String, report: &Report) {
    let machine = &report.machine;
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
         | Machine | {}, {} cores, {} MiB, Linux {} |\n\
         | API servers | Kubernetes {}, audited, etcd without fsync |\n\
         | Runs | {}, after one that is not counted |\n",
        machine.commit,
        machine.date,
        machine.processor,
        machine.cores,
        machine.memory_mib,
        machine.kernel,
        machine.kubernetes,
        report.runs.len(),
    );
}

fn times(page: &mut String, runs: &[Run]) {
    page.push_str(
        "## Created on the hub until Available on the hub\n\n\
         | | Bare applies, ms | Stevedore, ms | Ratio, median | Ratio, worst | Goal | |\n\
         |---|---:|---:|---:|---:|---:|---|\n",
    );
    let rows: [Line<Pair>; 3] = [
        ("12 objects, 3 phases, 3 members", 5.0, |run| {
            run.three_members
        }),
        ("102 objects, 3 phases, 1 member", 3.0, |run| run.large),
        ("50 packages of 12 objects at once, 1 member", 3.0, |run| {
            run.many
        }),
    ];
    for (what, goal, pair) in rows {
        let (ratio, worst) = spread(runs, |run| pair(run).ratio());
        let (bare, _) = spread(runs, |run| pair(run).bare_ms);
        let (ours, slowest) = spread(runs, |run| pair(run).stevedore_ms);
        let _ = writeln!(
            page,
            "| {what} | {bare:.0} | {ours:.0} (worst {slowest:.0}) | {ratio:.1} × | {worst:.1} × | ≤ {goal:.0} × | {} |",
            verdict(ratio <= goal),
        );
    }
    page.push('\n');
}

fn costs(page: &mut String, report: &Report) {
    let (runs, idle) = (&report.runs, &report.idle);
    page.push_str("## What it costs\n\n| | Median | Worst | Goal | |\n|---|---:|---:|---:|---|\n");
    let per_object: [Line<usize>; 2] = [
        (
            "requests of the agent per object, 102 objects, dry-runs included",
            2.3,
            |run| run.requests.all,
        ),
        ("writes of the agent per object, 102 objects", 1.3, |run| {
            run.requests.writes
        }),
    ];
    for (what, goal, count) in per_object {
        let (median, worst) = spread(runs, |run| ratio(count(run), run.requests.objects));
        let _ = writeln!(
            page,
            "| {what} | {median:.2} | {worst:.2} | ≤ {goal} | {} |",
            verdict(worst <= goal)
        );
    }
    memory(page, runs, "agent that has 714 objects", |run| run.agent);
    memory(page, runs, "hub with 52 packages", |run| run.hub);
    let _ = writeln!(
        page,
        "\n## A converged fleet, left alone for {} minutes\n\n\
         The member looked at has {} objects; its agent was started again before.\n\n\
         | | Found | Goal | |\n|---|---:|---:|---|\n\
         | writes of the agent | {} | 0 | {} |\n\
         | other requests of the agent (watches that are taken up again) | {} | | |\n\
         | agent: resident, MiB | {:.1} | ≤ 16, better 12 | {} |\n\
         | agent: anonymous, MiB | {:.1} | ≤ 6 | {} |\n\
         | agent: thousandths of a core | {:.2} | ≤ 1 | {} |\n\
         | writes of the hub, its Lease left out | {} | 0 | {} |\n\
         | hub: thousandths of a core | {:.2} | | |",
        idle.minutes,
        idle.objects,
        idle.agent_writes,
        verdict(idle.agent_writes == 0),
        idle.agent_reads,
        mib(idle.agent.resident_kib),
        verdict(mib(idle.agent.resident_kib) <= 16.0),
        mib(idle.agent.anonymous_kib),
        verdict(mib(idle.agent.anonymous_kib) <= 6.0),
        idle.agent_millicpu,
        verdict(idle.agent_millicpu <= 1.0),
        idle.hub_writes,
        verdict(idle.hub_writes == 0),
        idle.hub_millicpu,
    );
}

/// What a process had in memory at the end of the runs.
fn memory(page: &mut String, runs: &[Run], whose: &str, memory: fn(&Run) -> Memory) {
    let (resident, most) = spread(runs, |run| mib(memory(run).resident_kib));
    let (own, most_own) = spread(runs, |run| mib(memory(run).anonymous_kib));
    let _ = writeln!(
        page,
        "| {whose}: resident, MiB | {resident:.1} | {most:.1} | | |\n\
         | {whose}: anonymous, MiB | {own:.1} | {most_own:.1} | | |"
    );
}

fn verdict(met: bool) -> &'static str {
    if met { "met" } else { "**missed**" }
}

#[expect(clippy::cast_precision_loss, reason = "counts far below 2^52")]
fn ratio(count: usize, of: usize) -> f64 {
    count as f64 / of as f64
}

#[expect(clippy::cast_precision_loss, reason = "memory far below 2^52 KiB")]
fn mib(kib: u64) -> f64 {
    kib as f64 / 1024.0
}

/// Median and greatest; of an even number the lower of the two in the middle.
fn spread(runs: &[Run], figure: impl Fn(&Run) -> f64) -> (f64, f64) {
    let mut figures: Vec<_> = runs.iter().map(figure).collect();
    figures.sort_by(f64::total_cmp);
    let median = figures.get(figures.len().saturating_sub(1) / 2);
    (
        median.copied().unwrap_or_default(),
        figures.last().copied().unwrap_or_default(),
    )
}

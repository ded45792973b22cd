//! The page that people read, made of a report and of nothing else.

use std::fmt::Write as _;

use super::{Fleet, IN_FLIGHT, LARGE, MANY, Memory, Pair, Report, Run, SMALL};

mod parts;
mod rendering;

use parts::{about, mib, middle, verdict};

/// What a line speaks about, its goal, and the figure of one run.
type Line<T> = (String, f64, fn(&Run) -> T);

/// Writes the page.
#[must_use]
pub fn page(report: &Report) -> String {
    let mut page = format!(
        "# Benchmarks\n\n\
         Written by `cargo run --release --locked --bin bench` from [benchmarks.json](benchmarks.json); \
         not edited by hand.\n\n\
         A hub and three members, each a real API server, with a registry, the hub and the agents as processes on one \
         machine. Absolute times say something about that machine; the ratios compare with bare server-side applies of \
         the same objects to the same API servers in the same run, {IN_FLIGHT} in flight per member, made by an \
         administrator. Stevedore's time begins with the request that creates the package on the hub and ends with the \
         event that says that it is Available there: pulling the image, rendering, ledger, transfer, three phases with a \
         dry-run each, all as the package's account, and the way back are in it. Times are judged by their median.\n\n",
    );
    let fleet = &report.fleet;
    let others = [
        (
            "API servers",
            &*format!(
                "Kubernetes {}, audited (metadata), etcd without fsync",
                fleet.kubernetes
            ),
        ),
        (
            "Runs",
            &format!("{}, after one that is not counted", fleet.runs.len()),
        ),
    ];
    about(&mut page, &fleet.machine, &others);
    times(&mut page, &fleet.runs);
    costs(&mut page, fleet);
    rendering::write(&mut page, &report.rendering);
    page
}

fn times(page: &mut String, runs: &[Run]) {
    page.push_str(
        "## Created on the hub until Available on the hub\n\n\
         | | Bare applies, ms | Stevedore, ms | Ratio, median | Ratio, worst | Goal | |\n\
         |---|---:|---:|---:|---:|---:|---|\n",
    );
    let rows: [Line<Pair>; 3] = [
        (
            format!("{SMALL} objects, 3 phases, 3 members"),
            5.0,
            |run| run.three_members,
        ),
        (format!("{LARGE} objects, 3 phases, 1 member"), 3.0, |run| {
            run.large
        }),
        (
            format!("{MANY} packages of {SMALL} objects at once, 1 member"),
            3.0,
            |run| run.many,
        ),
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

fn costs(page: &mut String, fleet: &Fleet) {
    let (runs, idle) = (&fleet.runs, &fleet.idle);
    page.push_str("## What it costs\n\n| | Median | Worst | Goal | |\n|---|---:|---:|---:|---|\n");
    let per_object: [Line<usize>; 2] = [
        (
            format!("requests of the agent per object, {LARGE} objects, dry-runs included"),
            2.3,
            |run| run.requests.all,
        ),
        (
            format!("writes of the agent per object, {LARGE} objects"),
            1.3,
            |run| run.requests.writes,
        ),
    ];
    for (what, goal, count) in per_object {
        let (median, worst) = spread(runs, |run| ratio(count(run), run.requests.objects));
        let _ = writeln!(
            page,
            "| {what} | {median:.2} | {worst:.2} | ≤ {goal} | {} |",
            verdict(worst <= goal)
        );
    }
    let objects = SMALL + LARGE + MANY * SMALL;
    let agent = format!("agent that has {objects} objects");
    memory(page, runs, &agent, |run| run.agent);
    let hub = format!("hub with {} packages", MANY + 2);
    memory(page, runs, &hub, |run| run.hub);
    let _ = writeln!(
        page,
        "\n## A converged fleet, left alone for {} minutes\n\n\
         The member looked at has {} objects; its agent was started again before.\n\n\
         | | Found | Goal | |\n|---|---:|---:|---|\n\
         | writes of the agent | {} | 0 | {} |\n\
         | other requests of the agent (watches that are taken up again, and signs of life) | {} | | |\n\
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

#[expect(clippy::cast_precision_loss, reason = "counts far below 2^52")]
fn ratio(count: usize, of: usize) -> f64 {
    count as f64 / of as f64
}

/// Median and greatest of a figure of each run.
fn spread(runs: &[Run], figure: impl Fn(&Run) -> f64) -> (f64, f64) {
    middle(runs.iter().map(figure))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::{PAGE, REPORT};
    use super::*;

    fn committed(path: &str) -> String {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent();
        let path = root.expect("the crate is in a workspace").join(path);
        std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    fn report() -> Report {
        serde_json::from_str(&committed(REPORT)).expect("a report")
    }

    #[test]
    fn the_page_is_what_the_benchmark_writes_of_its_report() {
        let missing = "write it with: cargo run --release --locked --bin bench -- --page";
        assert!(page(&report()) == committed(PAGE), "{missing}");
    }

    #[test]
    fn a_ratio_above_its_goal_is_called_missed() {
        let mut report = report();
        for run in &mut report.fleet.runs {
            run.large = Pair {
                bare_ms: 100.0,
                stevedore_ms: 301.0,
            };
        }
        let page = page(&report);
        let mut lines = page.lines();
        let line = lines.find(|line| line.contains("102 objects, 3 phases"));
        assert!(
            line.expect("a line").ends_with("| **missed** |"),
            "{line:?}"
        );
    }

    #[test]
    fn the_median_of_an_even_number_is_the_lower_one_and_the_worst_the_greatest() {
        let mut runs = vec![report().fleet.runs[0].clone(); 4];
        for (run, ms) in runs.iter_mut().zip([4.0, 1.0, 3.0, 2.0]) {
            run.large.bare_ms = ms;
        }
        assert_eq!(spread(&runs, |run| run.large.bare_ms), (2.0, 4.0));
    }
}

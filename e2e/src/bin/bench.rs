//! The benchmark program: it measures the main job on real API servers and writes `docs/benchmarks.json` and
//! `docs/benchmarks.md`.
//!
//! `cargo run --release --locked --bin bench [-- fleet|rendering] [--runs N] [--idle-minutes N] [--page]`; with a word
//! only that half is measured, and with `--page` nothing is: the page is written anew from the report there is.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, bail, ensure};
use stevedore_e2e::bench::{
    PAGE, Plan, REPORT, Report, TEMPLATES, measure_fleet, measure_rendering, page, render_templates,
};

fn main() -> ExitCode {
    stevedore_fleet::guard::enter_if_asked();
    match run(std::env::args().skip(1)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(mut args: impl Iterator<Item = String>) -> anyhow::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .context("the crate is in a workspace")?;
    let mut plan = Plan {
        runs: 5,
        idle_minutes: 10,
    };
    let (mut fleet, mut rendering) = (true, true);
    while let Some(arg) = args.next() {
        let mut number = || -> anyhow::Result<u64> {
            let value = args
                .next()
                .with_context(|| format!("{arg} needs a number"))?;
            value.parse().with_context(|| format!("{arg} {value}"))
        };
        match arg.as_str() {
            "--runs" => plan.runs = usize::try_from(number()?)?,
            "--idle-minutes" => plan.idle_minutes = number()?,
            "--page" => (fleet, rendering) = (false, false),
            "fleet" => rendering = false,
            "rendering" => fleet = false,
            TEMPLATES => return render_templates(),
            _ => bail!(
                "{arg} is unknown: there are fleet, rendering, --runs N, --idle-minutes N and --page"
            ),
        }
    }
    ensure!(plan.runs > 0, "--runs is at least 1");
    ensure!(
        !(cfg!(debug_assertions) && (fleet || rendering)),
        "a benchmark of a debug build says nothing: add --release"
    );
    let kept = || -> anyhow::Result<Report> {
        let text = std::fs::read_to_string(root.join(REPORT)).context(REPORT)?;
        serde_json::from_str(&text).context(REPORT)
    };
    let say = |line: &str| eprintln!("{line}");
    let runtime = tokio::runtime::Runtime::new()?;
    let report = Report {
        rendering: match rendering {
            true => runtime.block_on(measure_rendering(root, &say))?,
            false => kept()?.rendering,
        },
        fleet: match fleet {
            true => runtime.block_on(measure_fleet(root, plan, &say))?,
            false => kept()?.fleet,
        },
    };
    if fleet || rendering {
        let text = serde_json::to_string_pretty(&report)? + "\n";
        std::fs::write(root.join(REPORT), text).context(REPORT)?;
    }
    let text = page(&report);
    std::fs::write(root.join(PAGE), &text).context(PAGE)?;
    print!("{text}");
    Ok(())
}

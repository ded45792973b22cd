//! The part of the page about renderings.

use std::fmt::Write as _;

use super::super::rendering::{ROUNDS, Rendering, Timed};
use super::parts::{about, mib, middle, verdict};

/// How many times as fast as Go's libraries a rendering is to be.
const GOAL: f64 = 3.0;

pub(super) fn write(page: &mut String, rendering: &Rendering) {
    page.push_str(
        "\n# Rendering of packages\n\n\
         Beside the Go libraries that Package Operator renders with (`text/template`, sprig, `sigs.k8s.io/yaml`, cel-go), \
         in a program that does with them what Package Operator does for each package that is installed: it parses the \
         templates, executes them, reads the objects, and evaluates the conditions. What Package Operator does besides \
         (manifest, lock file, configuration, checks) is not in its time. *From files* is all that Stevedore does from the files of a package to \
         its objects, manifest, configuration, conditions and checks included; *loaded* is one more rendering of the same \
         package, as the hub does it for each cluster that needs its own.\n\n",
    );
    let others = [
        ("Go", rendering.go.as_str()),
        ("Rounds", &format!("{ROUNDS}, of which the median counts")),
    ];
    about(page, &rendering.machine, &others);
    page.push_str(
        "| Package | Objects | Go, µs | From files, µs | Times as fast | Loaded, µs | Times as fast |\n\
         |---|---:|---:|---:|---:|---:|---:|\n",
    );
    for it in &rendering.packages {
        let _ = writeln!(
            page,
            "| {} | {} | {:.0} | {:.0} | {:.1} × | {:.0} | {:.1} × |",
            it.name,
            it.objects,
            it.go_us,
            it.fresh_us,
            it.go_us / it.fresh_us,
            it.loaded_us,
            it.go_us / it.loaded_us
        );
    }
    if !rendering.left_out.is_empty() {
        page.push_str("\nNot compared, since the Go program cannot render them:\n\n");
    }
    for it in &rendering.left_out {
        let _ = writeln!(page, "* `{it}`");
    }
    figures(page, rendering);
}

/// What was found, beside the goals.
fn figures(page: &mut String, rendering: &Rendering) {
    page.push_str("\n| | Found | Goal | |\n|---|---:|---:|---|\n");
    let ratios = |us: fn(&Timed) -> f64| {
        let packages = rendering.packages.iter();
        middle(packages.map(|it| it.go_us / us(it)))
    };
    for (way, (median, _)) in [
        ("from files", ratios(|it| it.fresh_us)),
        ("loaded", ratios(|it| it.loaded_us)),
    ] {
        let _ = writeln!(
            page,
            "| times as fast as Go's libraries, {way}, median of the packages | {median:.1} × | ≥ {GOAL:.0} × | {} |",
            verdict(median >= GOAL)
        );
    }
    let many = rendering.many;
    let (templates, peak) = (many.templates, mib(many.peak_kib));
    let _ = writeln!(
        page,
        "| {templates} templates loaded, validated and rendered, ms | {:.1} | ≤ 30 | {} |\n\
         | the same: most memory of its process, MiB | {peak:.1} | ≤ 30 | {} |\n\
         | `stevedore package --help`, ms | {:.1} | ≤ 10 | {} |",
        many.ms,
        verdict(many.ms <= 30.0),
        verdict(peak <= 30.0),
        rendering.help_ms,
        verdict(rendering.help_ms <= 10.0),
    );
}

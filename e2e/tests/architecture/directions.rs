//! The table of directions in `docs/ARCHITECTURE.md`, compared with the manifests: it is written there and nowhere else.

use std::collections::{BTreeMap, BTreeSet};

use super::manifest::{Package, Workspace};
use super::source::root;

const PAGE: &str = "docs/ARCHITECTURE.md";
const HEADING: &str = "## Who may use what";

/// What the table says of one crate.
struct Row {
    /// Crates of this workspace that it uses.
    uses: BTreeSet<String>,
    /// What it must not name, in the table's words.
    never: Vec<String>,
}

/// The word for a crate that decides only: nothing that it ships with does I/O.
const PURE: &str = "I/O";

/// Crates that a word of the table stands for.
fn stands_for(word: &str) -> &'static [&'static str] {
    match word {
        "kube" => &["kube", "kube-client", "kube-runtime", "k8s-openapi"],
        "kube-client" => &["kube-client"],
        "tonic" => &["tonic", "prost", "tonic-prost"],
        "tokio" => &["tokio"],
        "randomness" => &["rand", "getrandom"],
        "anyhow" => &["anyhow"],
        PURE => &[],
        _ => panic!("{PAGE}: the test does not know what {word:?} stands for"),
    }
}

/// The words that `I/O` stands for.
const IMPURE: [&str; 5] = ["kube", "tonic", "tokio", "randomness", "anyhow"];

/// Crates that no pure crate may reach, however indirectly.
const NEVER_BELOW_PURE: [&str; 10] = [
    "tokio",
    "kube",
    "kube-client",
    "k8s-openapi",
    "tonic",
    "hyper",
    "rustls",
    "reqwest",
    "backoff",
    "dashmap",
];

impl Row {
    fn is_pure(&self) -> bool {
        self.never.iter().any(|word| word == PURE)
    }

    /// Crates that it must not name, even though they are in the tree.
    fn forbidden(&self) -> impl Iterator<Item = &'static str> {
        let impure = IMPURE.iter().filter(|_| self.is_pure()).copied();
        let words = self.never.iter().map(String::as_str).chain(impure);
        words.flat_map(stands_for).copied()
    }
}

/// The table by the names of the crates: `hub-core` there is `stevedore-hub-core` here.
fn table() -> BTreeMap<String, Row> {
    let page = std::fs::read_to_string(root().join(PAGE)).expect("the page can be read");
    let (_, section) = page.split_once(HEADING).expect("the page has the table");
    let lines = section.lines().skip_while(|line| !line.starts_with('|'));
    // The first two lines are its head.
    let lines = lines.take_while(|line| line.starts_with('|')).skip(2);
    lines.map(row).collect()
}

fn row(line: &str) -> (String, Row) {
    let cells: Vec<_> = line.trim_matches('|').split('|').map(str::trim).collect();
    let [name, uses, never] = cells[..] else {
        panic!("{PAGE}: three cells a row: {line}");
    };
    let row = Row {
        uses: words(uses).map(crate_name).collect(),
        never: words(never).map(str::to_owned).collect(),
    };
    (crate_name(name), row)
}

/// The words of a cell; a dash stands for none.
fn words(cell: &str) -> impl Iterator<Item = &str> {
    cell.split(',').map(str::trim).filter(|word| *word != "–")
}

fn crate_name(short: &str) -> String {
    match short {
        "stevedore" => short.to_owned(),
        _ => format!("stevedore-{short}"),
    }
}

fn used(package: &Package) -> BTreeSet<String> {
    let ours = package.normal_dependencies();
    ours.filter(|name| name.starts_with("stevedore"))
        .map(str::to_owned)
        .collect()
}

#[test]
fn the_table_has_a_row_for_every_crate_and_for_no_other() {
    let workspace = Workspace::load();
    let crates: BTreeSet<_> = workspace.members().map(|one| one.name.clone()).collect();
    let rows: BTreeSet<_> = table().into_keys().collect();
    assert_eq!(rows, crates, "left: {PAGE}, right: the workspace");
}

#[test]
fn every_crate_uses_just_what_its_row_says() {
    let (workspace, table) = (Workspace::load(), table());
    let mut faults = vec![];
    let rows = workspace
        .members()
        .filter_map(|package| Some((package, table.get(&package.name)?)));
    for (package, row) in rows {
        let (name, used) = (&package.name, used(package));
        let new = used.difference(&row.uses);
        faults.extend(new.map(|other| format!("{name}: must not use {other}")));
        let gone = row.uses.difference(&used);
        faults
            .extend(gone.map(|other| format!("{name}: {PAGE} says it uses {other}: take it off")));
        let seen = package.normal_dependencies();
        let seen = seen.filter(|other| row.forbidden().any(|never| never == *other));
        faults.extend(seen.map(|other| format!("{name}: must never see {other}")));
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn pure_crates_reach_no_clock_network_or_cluster_through_others() {
    let workspace = Workspace::load();
    let mut faults = vec![];
    for (name, _) in table().iter().filter(|(_, row)| row.is_pure()) {
        for reached in workspace.closure(name) {
            if NEVER_BELOW_PURE.contains(&reached.as_str()) {
                faults.push(format!("{name}: reaches {reached}"));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn a_row_of_the_table_is_read_with_its_dashes_and_words() {
    let (name, row) = row("| hub-core | proto-core, retry | I/O |");
    assert_eq!(name, "stevedore-hub-core");
    assert_eq!(
        row.uses,
        ["stevedore-proto-core", "stevedore-retry"]
            .map(str::to_owned)
            .into()
    );
    assert!(row.is_pure() && row.forbidden().any(|name| name == "rand"));
    let (name, row) = self::row("| stevedore | – | tonic |");
    assert_eq!((name.as_str(), row.uses.len()), ("stevedore", 0));
    assert!(row.forbidden().any(|name| name == "prost") && !row.is_pure());
}

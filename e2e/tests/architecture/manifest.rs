//! `cargo metadata` as far as the tests here need it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;

use super::source::root;

#[derive(Deserialize)]
pub(crate) struct Workspace {
    packages: Vec<Package>,
    workspace_members: BTreeSet<String>,
    resolve: Resolve,
}

#[derive(Deserialize)]
pub(crate) struct Package {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) license: Option<String>,
    pub(crate) source: Option<String>,
    pub(crate) manifest_path: PathBuf,
    dependencies: Vec<Dependency>,
    pub(crate) targets: Vec<Target>,
}

#[derive(Deserialize)]
struct Dependency {
    name: String,
    kind: Option<String>,
}

#[derive(Deserialize)]
pub(crate) struct Target {
    pub(crate) kind: Vec<String>,
    pub(crate) src_path: PathBuf,
}

#[derive(Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    id: String,
    deps: Vec<Edge>,
}

#[derive(Deserialize)]
struct Edge {
    pkg: String,
    dep_kinds: Vec<Kind>,
}

#[derive(Deserialize)]
struct Kind {
    kind: Option<String>,
}

/// Names with versions of all crates that are really compiled here. `cargo metadata` also lists
/// optional ones that a feature merely mentions.
pub(crate) fn compiled() -> BTreeSet<(String, String)> {
    let tree = [
        "tree",
        "--workspace",
        "--locked",
        "--offline",
        "--edges",
        "normal,build,dev",
        "--prefix",
        "none",
        "--format",
        "{p}",
    ];
    let printed = run(Command::new(env!("CARGO")).args(tree).current_dir(root()));
    let crates = printed.lines().filter_map(|line| {
        let mut words = line.split(' ');
        Some((words.next()?.to_owned(), words.next()?.to_owned()))
    });
    crates.collect()
}

/// The platform this is built on: crates of other platforms need not be downloaded.
fn host() -> String {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let printed = run(Command::new(rustc).arg("-vV"));
    let host = printed.lines().find_map(|line| line.strip_prefix("host: "));
    host.expect("rustc names its host").to_owned()
}

fn run(command: &mut Command) -> String {
    let output = command.output().expect("the program runs");
    assert!(
        output.status.success(),
        "{command:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).expect("it prints text")
}

impl Package {
    /// Names of the crates that this one uses in what it ships.
    pub(crate) fn normal_dependencies(&self) -> impl Iterator<Item = &str> {
        self.dependencies
            .iter()
            .filter(|d| d.kind.is_none())
            .map(|d| d.name.as_str())
    }

    /// The folder of the crate.
    pub(crate) fn folder(&self) -> &Path {
        self.manifest_path
            .parent()
            .expect("a manifest is in a folder")
    }
}

impl Workspace {
    /// Asks cargo, which needs no network: the lock file is committed and the crates are there
    /// since this test was built from them.
    pub(crate) fn load() -> Self {
        let metadata = [
            "metadata",
            "--format-version",
            "1",
            "--locked",
            "--offline",
            "--filter-platform",
        ];
        let printed = run(Command::new(env!("CARGO"))
            .args(metadata)
            .arg(host())
            .current_dir(root()));
        serde_json::from_str(&printed).expect("cargo metadata prints JSON")
    }

    /// The crates of this workspace.
    pub(crate) fn members(&self) -> impl Iterator<Item = &Package> {
        self.packages
            .iter()
            .filter(|package| self.workspace_members.contains(&package.id))
    }

    /// Every crate in the tree.
    pub(crate) fn packages(&self) -> impl Iterator<Item = &Package> {
        self.packages.iter()
    }

    /// Names of all crates that `crate_name` ships with, however indirectly.
    pub(crate) fn closure(&self, crate_name: &str) -> BTreeSet<String> {
        let nodes: BTreeMap<_, _> = self
            .resolve
            .nodes
            .iter()
            .map(|node| (node.id.as_str(), node))
            .collect();
        let names: BTreeMap<_, _> = self
            .packages
            .iter()
            .map(|p| (p.id.as_str(), p.name.as_str()))
            .collect();
        let start = self
            .members()
            .find(|p| p.name == crate_name)
            .expect("the crate is a member");
        let mut seen = BTreeSet::new();
        let mut left = vec![start.id.as_str()];
        while let Some(id) = left.pop() {
            let shipped = nodes[id]
                .deps
                .iter()
                .filter(|edge| edge.dep_kinds.iter().any(|kind| kind.kind.is_none()));
            for edge in shipped {
                if seen.insert(edge.pkg.as_str()) {
                    left.push(&edge.pkg);
                }
            }
        }
        seen.into_iter().map(|id| names[id].to_owned()).collect()
    }
}

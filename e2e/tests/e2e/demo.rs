//! The demo does what it shows, and leaves nothing behind.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use stevedore_e2e::harness::{WITHIN, await_state, shared};
use stevedore_e2e::world::World;
use tokio::process::Command;

/// Set in the environment of the demo, and so of everything that it starts.
const MARK: &str = "STEVEDORE_E2E_DEMO";
/// How long the whole of `--once` may take beside other tests.
const PLAYED_WITHIN: Duration = Duration::from_secs(400);

/// Process id and name of every process that has the mark.
fn marked(mark: &str) -> Vec<(String, String)> {
    let wanted = format!("{MARK}={mark}").into_bytes();
    let entries = Path::new("/proc").read_dir().expect("/proc");
    entries
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| name.bytes().all(|byte| byte.is_ascii_digit()))
        .filter_map(|pid| {
            let folder = Path::new("/proc").join(&pid);
            // What ends while it is looked at, or has ended, has no environment.
            let environment = std::fs::read(folder.join("environ")).ok()?;
            let has_mark = environment
                .split(|byte| *byte == 0)
                .any(|entry| entry == wanted);
            let name = std::fs::read_to_string(folder.join("comm")).unwrap_or_default();
            has_mark.then(|| (pid, name.trim().to_owned()))
        })
        .collect()
}

/// A demo with one member that carries this mark.
fn demo(world: &World, mark: &str, args: &[&str]) -> Command {
    let mut command = Command::new(world.programs.path("stevedore"));
    command
        .args(["demo", "--members", "1"])
        .args(args)
        .env(MARK, mark)
        // The programs are up to date: nothing has to be built.
        .env_remove("CARGO")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true);
    command
}

/// Waits until so many processes with the mark have each of these names.
async fn running(mark: &str, wanted: &[(&str, usize)]) {
    await_state("the demo has started its processes", WITHIN, || async {
        let there = marked(mark);
        // The kernel keeps fifteen bytes of a name.
        let count = |name: &str| {
            let name = &name[..name.len().min(15)];
            there.iter().filter(|(_, found)| found == name).count()
        };
        match wanted.iter().all(|(name, least)| count(name) >= *least) {
            true => Ok(()),
            false => Err(format!("{there:?}")),
        }
    })
    .await;
}

/// Waits until no process has the mark.
async fn ended(mark: &str) {
    await_state("every process has ended", WITHIN, || async {
        let left = marked(mark);
        match left.is_empty() {
            true => Ok(()),
            false => Err(format!("{left:?}")),
        }
    })
    .await;
}

#[test]
fn a_demo_that_is_killed_leaves_no_process() {
    shared(async |world| {
        let mark = format!("killed-{}", std::process::id());
        let mut demo = demo(world, &mark, &[]).spawn().expect("the demo starts");
        // The hub's own cluster has an agent too.
        let all = [
            ("kube-apiserver", 2),
            ("stevedore-hub", 1),
            ("stevedore-agent", 2),
        ];
        running(&mark, &all).await;
        demo.kill().await.expect("SIGKILL");
        ended(&mark).await;
    });
}

#[test]
fn a_demo_that_is_interrupted_before_its_end_is_no_success_and_says_so_to_programs() {
    shared(async |world| {
        let mark = format!("interrupted-{}", std::process::id());
        let demo = demo(world, &mark, &["--once", "-o", "json"])
            .stdout(Stdio::piped())
            .spawn()
            .expect("the demo starts");
        running(&mark, &[("etcd", 1)]).await;
        let pid = demo.id().expect("it runs").to_string();
        let sent = Command::new("kill").args(["-INT", &pid]).status().await;
        assert!(sent.expect("kill starts").success());
        let output = tokio::time::timeout(WITHIN, demo.wait_with_output()).await;
        let output = output.expect("it ends").expect("its output");
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        let summary: Value = serde_json::from_slice(&output.stdout).expect("one object");
        assert_eq!(summary["ok"], false, "{summary}");
        assert_eq!(summary["error"], "interrupted", "{summary}");
        ended(&mark).await;
    });
}

#[test]
fn a_demo_that_goes_through_once_tells_every_step_on_every_cluster() {
    shared(async |world| {
        let mark = format!("once-{}", std::process::id());
        let mut demo = demo(world, &mark, &["--once", "-o", "json"]);
        demo.stdout(Stdio::piped()).stderr(Stdio::piped());
        let output = tokio::time::timeout(PLAYED_WITHIN, demo.output()).await;
        let output = output.expect("it ends").expect("it starts");
        let log = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{log}");
        let summary: Value = serde_json::from_slice(&output.stdout).expect("one object");
        assert_eq!(summary["ok"], true, "{summary}");
        let steps = summary["steps"].as_array().expect("steps");
        let found: Vec<_> = steps
            .iter()
            .map(|step| {
                let clusters = step["clusters"].as_array().expect("clusters");
                assert_eq!(clusters.len(), 1, "{step}");
                assert_eq!(clusters[0]["name"], "member-1", "{step}");
                assert!(step["seconds"].as_f64() > Some(0.0), "{step}");
                let lamp = clusters[0]["seen"]["lampImage"].as_str();
                let lamp = lamp.and_then(|image| image.rsplit(':').next());
                (
                    step["name"].as_str().expect("a name"),
                    clusters[0]["state"].as_str().expect("a state"),
                    lamp,
                )
            })
            .collect();
        let expected = [
            ("rollout", "Available", Some("1")),
            // One cluster is the canary and all there is.
            ("canary", "Available", Some("2")),
            ("approval", "Available", Some("2")),
            ("rollback", "Available", Some("1")),
            ("removal", "Removed", None),
        ];
        assert_eq!(found, expected, "{summary}");
        ended(&mark).await;
    });
}

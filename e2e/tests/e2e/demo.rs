//! The demo leaves nothing behind.

use std::path::Path;
use std::process::Stdio;

use stevedore_e2e::harness::{WITHIN, await_state, shared};

/// Set in the environment of the demo, and so of everything that it starts.
const MARK: &str = "STEVEDORE_E2E_DEMO";

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

#[test]
fn a_demo_that_is_killed_leaves_no_process() {
    shared(async |world| {
        let mark = format!("{}", std::process::id());
        let mut demo = tokio::process::Command::new(world.programs.path("stevedore"))
            .args(["demo", "--members", "1"])
            .env(MARK, &mark)
            // The programs are up to date: nothing has to be built.
            .env_remove("CARGO")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("the demo starts");
        await_state("the demo has started servers", WITHIN, || async {
            let there = marked(&mark);
            let servers = there
                .iter()
                .filter(|(_, name)| name.starts_with("kube-apiserver"));
            match servers.count() {
                2 => Ok(()),
                _ => Err(format!("{there:?}")),
            }
        })
        .await;
        demo.kill().await.expect("SIGKILL");
        await_state("every process has ended", WITHIN, || async {
            let left = marked(&mark);
            match left.is_empty() {
                true => Ok(()),
                false => Err(format!("{left:?}")),
            }
        })
        .await;
    });
}

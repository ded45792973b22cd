//! No process outlives the one that started it.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use stevedore_fleet::guard::Guard;
use stevedore_fleet::process::{Process, ProcessSpec};

use super::support::{eventually, run};

/// Set in the process that is to be killed.
const VICTIM: &str = "STEVEDORE_FLEET_TEST_VICTIM";

/// A shell with two children of its own.
async fn start_tree(guard: &Guard, folder: &Path) -> Process {
    let spec = ProcessSpec {
        name: "tree".to_owned(),
        program: "/bin/sh".into(),
        args: vec![
            "-c".to_owned(),
            "sleep 600 & echo $!; sleep 600 & echo $!; echo whole; wait".to_owned(),
        ],
        env: Vec::new(),
        dir: None,
        log: folder.join("tree.log"),
    };
    Process::start(guard, &spec).await.expect("a shell")
}

/// The process ids of the tree, once it stands.
async fn members(tree: &Process) -> Vec<i32> {
    let children = eventually("the tree stands", || async {
        let log = tree.log_tail(3);
        match log.strip_suffix("whole") {
            Some(children) => Ok(children.to_owned()),
            None => Err(log),
        }
    })
    .await;
    let mut all: Vec<i32> = children
        .lines()
        .map(|line| line.parse().expect("a process id"))
        .collect();
    all.push(tree.pid().expect("it runs"));
    all
}

/// Gone, or a zombie whose new parent has not looked yet: not running in any case.
fn runs(pid: i32) -> bool {
    let state = Command::new("ps")
        .args(["-o", "stat=", "-p", &pid.to_string()])
        .output()
        .expect("ps");
    let state = String::from_utf8_lossy(&state.stdout).trim().to_owned();
    !state.is_empty() && !state.starts_with('Z')
}

async fn all_end(pids: &[i32]) {
    eventually("every process ends", || async {
        let left: Vec<_> = pids.iter().filter(|pid| runs(**pid)).collect();
        if left.is_empty() {
            return Ok(());
        }
        Err(format!("{left:?} still run"))
    })
    .await;
}

#[test]
fn killing_a_process_kills_its_children_and_dropping_the_guard_kills_the_rest() {
    run(async {
        let folder = tempfile::tempdir().expect("a folder");
        let guard = Guard::start().expect("a guard");
        let first = start_tree(&guard, folder.path()).await;
        let of_first = members(&first).await;
        let exit = first.kill().await;
        assert_eq!(exit.code, None);
        assert_eq!(first.pid(), None);
        all_end(&of_first).await;

        std::fs::remove_file(folder.path().join("tree.log")).expect("a log");
        let second = start_tree(&guard, folder.path()).await;
        let of_second = members(&second).await;
        assert!(of_second.iter().all(|pid| runs(*pid)));
        guard.close();
        all_end(&of_second).await;
    });
}

#[test]
fn leader_that_ends_by_itself_takes_its_group_along() {
    run(async {
        let folder = tempfile::tempdir().expect("a folder");
        let guard = Guard::start().expect("a guard");
        let spec = ProcessSpec {
            name: "short".to_owned(),
            program: "/bin/sh".into(),
            args: vec!["-c".to_owned(), "sleep 600 & echo $!; exit 3".to_owned()],
            env: Vec::new(),
            dir: None,
            log: folder.path().join("short.log"),
        };
        let process = Process::start(&guard, &spec).await.expect("a shell");
        assert_eq!(process.ended().await.code, Some(3));
        let left = process.log_tail(1).parse().expect("a process id");
        all_end(&[left]).await;
    });
}

#[test]
fn nothing_is_left_when_the_guard_is_killed() {
    run(async {
        let folder = tempfile::tempdir().expect("a folder");
        let guard = Guard::start().expect("a guard");
        let tree = start_tree(&guard, folder.path()).await;
        let pids = members(&tree).await;
        let killed = Command::new("kill")
            .args(["-9", &guard.pid().to_string()])
            .status()
            .expect("kill");
        assert!(killed.success());
        assert_eq!(tree.ended().await.code, None);
        all_end(&pids).await;
    });
}

#[test]
fn program_that_is_not_there_is_named() {
    run(async {
        let folder = tempfile::tempdir().expect("a folder");
        let guard = Guard::start().expect("a guard");
        let spec = ProcessSpec {
            name: "absent".to_owned(),
            program: "/nowhere/absent".into(),
            args: Vec::new(),
            env: Vec::new(),
            dir: None,
            log: folder.path().join("absent.log"),
        };
        let error = Process::start(&guard, &spec).await.err().expect("an error");
        assert!(error.to_string().contains("/nowhere/absent"), "{error}");
    });
}

#[test]
fn nothing_is_left_when_the_parent_is_killed() {
    if let Some(folder) = std::env::var_os(VICTIM) {
        be_the_victim(Path::new(&folder));
    }
    let folder = tempfile::tempdir().expect("a folder");
    let scratch = folder.path().join("scratch");
    std::fs::create_dir(&scratch).expect("a folder");
    let mut victim = Command::new(std::env::current_exe().expect("this executable"))
        .args([
            "fleet::ends::nothing_is_left_when_the_parent_is_killed",
            "--exact",
            "--nocapture",
        ])
        .env(VICTIM, folder.path())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the victim");
    let output = BufReader::new(victim.stdout.take().expect("its output"));
    let pids: Vec<i32> = output
        .lines()
        .map_while(Result::ok)
        .find_map(|line| line.split_once("pids ").map(|(_, pids)| pids.to_owned()))
        .expect("the victim says what it started")
        .split(' ')
        .map(|pid| pid.parse().expect("a process id"))
        .collect();
    assert!(pids.iter().all(|pid| runs(*pid)), "{pids:?}");
    victim.kill().expect("SIGKILL");
    victim.wait().expect("its end");
    run(async {
        all_end(&pids).await;
        eventually("its scratch folder goes", || async {
            match scratch.exists() {
                false => Ok(()),
                true => Err("it is there".to_owned()),
            }
        })
        .await;
    });
}

/// Starts a tree under a guard, says their process ids, and waits for its death.
fn be_the_victim(folder: &Path) -> ! {
    run(async {
        let guard = Guard::start().expect("a guard");
        guard
            .remove_at_end(&folder.join("scratch"))
            .expect("a guard");
        let tree = start_tree(&guard, folder).await;
        let mut pids = members(&tree).await;
        pids.push(i32::try_from(guard.pid()).expect("a process id"));
        let pids: Vec<String> = pids.iter().map(ToString::to_string).collect();
        let mut out = std::io::stdout().lock();
        writeln!(out, "pids {}", pids.join(" ")).expect("a reader");
        out.flush().expect("a reader");
        drop(out);
        loop {
            tokio::time::sleep(Duration::from_secs(600)).await;
        }
    })
}

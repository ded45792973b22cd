//! Programs are found and built with a stand-in for the Go command: what is under test is who builds, when, and
//! where to.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Mutex;

use super::{Error, Locator, Tool};
use crate::guard::Guard;
use crate::progress::{Event, Progress, Silent};

#[derive(Default)]
struct Seen(Mutex<Vec<String>>);

impl Progress for Seen {
    fn report(&self, event: &Event) {
        self.0.lock().unwrap().push(event.to_string());
    }
}

impl Seen {
    fn count(&self, part: &str) -> usize {
        let seen = self.0.lock().unwrap();
        seen.iter().filter(|line| line.contains(part)).count()
    }
}

fn script(path: &Path, text: &str) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, format!("#!/bin/sh\n{text}\n")).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

/// A Go command of this version that builds by running `build` with the path of the output in `$out`.
fn locator(folder: &Path, version: &str, build: &str) -> Locator {
    let go = folder.join("go");
    script(
        &go,
        &format!(
            "if [ \"$1\" = env ]; then echo {version}; exit; fi\n\
             while [ \"$1\" != -o ]; do shift; done\nout=$2\n{build}"
        ),
    );
    Locator {
        assets: None,
        cache: folder.join("cache"),
        go: go.into_os_string(),
    }
}

const WRITES: &str = "test -f go.mod && test -f go.sum || exit 9\n\
                      echo '#!/bin/sh' >\"$out\"; chmod +x \"$out\"";

#[tokio::test]
async fn assets_come_first_and_what_they_lack_is_built_into_the_cache_once() {
    let folder = tempfile::tempdir().unwrap();
    let guard = Guard::start().unwrap();
    let mut locator = locator(folder.path(), "go1.26.0", WRITES);
    let assets = folder.path().join("assets");
    for tool in [Tool::Etcd, Tool::KubeApiserver] {
        script(&assets.join(tool.name()), "exit");
    }
    locator.assets = Some(assets.clone());
    let wanted = [Tool::Etcd, Tool::Kwok, Tool::Kwok];
    for builds in [1, 0] {
        let seen = Seen::default();
        let found = locator.locate(&wanted, &guard, &seen).await.unwrap();
        assert_eq!(found.path(Tool::Etcd), Some(&*assets.join("etcd")));
        let built = folder.path().join("cache/kube/v1.36.3/kwok");
        assert_eq!(found.path(Tool::Kwok), Some(&*built));
        assert_eq!(found.path(Tool::Kubectl), None);
        assert_eq!(seen.count("building kwok"), builds);
    }
}

#[tokio::test]
async fn assets_without_an_api_server_are_passed_over_and_named() {
    let folder = tempfile::tempdir().unwrap();
    let guard = Guard::start().unwrap();
    let mut locator = locator(folder.path(), "go1.26.0", WRITES);
    let assets = folder.path().join("assets");
    script(&assets.join("etcd"), "exit");
    locator.assets = Some(assets);
    let seen = Seen::default();
    let found = locator.locate(&[Tool::Etcd], &guard, &seen).await.unwrap();
    assert!(found.path(Tool::Etcd).unwrap().starts_with(&locator.cache));
    assert_eq!(seen.count("KUBEBUILDER_ASSETS is ignored"), 1);
}

#[tokio::test]
async fn of_two_at_once_one_builds_and_the_other_waits_for_it() {
    let folder = tempfile::tempdir().unwrap();
    let guard = Guard::start().unwrap();
    // The build ends only when both have come.
    let build = format!(
        "while [ ! -e {0}/both ]; do sleep 0.02; done\necho once >>{0}/builds\n{WRITES}",
        folder.path().display()
    );
    let locator = locator(folder.path(), "go1.27rc1", &build);
    let waits = WhenWaiting(folder.path().join("both"));
    let tools = [Tool::Registry];
    let (first, second) = tokio::join!(
        locator.locate(&tools, &guard, &waits),
        locator.locate(&tools, &guard, &waits)
    );
    assert_eq!(
        first.unwrap().path(Tool::Registry),
        second.unwrap().path(Tool::Registry)
    );
    let builds = std::fs::read_to_string(folder.path().join("builds")).unwrap();
    assert_eq!(builds, "once\n");
}

/// Writes a file when somebody waits for another's build.
struct WhenWaiting(std::path::PathBuf);

impl Progress for WhenWaiting {
    fn report(&self, event: &Event) {
        if matches!(event, Event::WaitingForBuild { .. }) {
            std::fs::write(&self.0, "").unwrap();
        }
    }
}

#[tokio::test]
async fn failed_build_shows_the_end_of_its_output_and_leaves_no_program() {
    let folder = tempfile::tempdir().unwrap();
    let guard = Guard::start().unwrap();
    let build = "echo half >\"$out\"; chmod +x \"$out\"; echo the proxy is closed >&2; exit 1";
    let locator = locator(folder.path(), "go1.26.0", build);
    let failed = locator.locate(&[Tool::Kwok], &guard, &Silent).await;
    let Err(error @ Error::Build { .. }) = failed else {
        panic!("it failed otherwise: {failed:?}")
    };
    assert!(error.to_string().contains("the proxy is closed"), "{error}");
    assert!(!folder.path().join("cache/kube/v1.36.3/kwok").exists());
}

#[tokio::test]
async fn without_a_usable_go_the_error_names_the_three_ways() {
    let folder = tempfile::tempdir().unwrap();
    let guard = Guard::start().unwrap();
    let old = locator(folder.path(), "go1.25.9", WRITES);
    let mut none = old.clone();
    none.go = folder.path().join("absent").into_os_string();
    for (locator, reason) in [(old, "is go1.25.9"), (none, "no usable go")] {
        let missing = locator.locate(&[Tool::Etcd], &guard, &Silent).await;
        let error = missing.err().unwrap().to_string();
        for part in [
            "KUBEBUILDER_ASSETS",
            "cache/kube/v1.36.3",
            "Go 1.26",
            reason,
        ] {
            assert!(error.contains(part), "{part} is missing in: {error}");
        }
    }
}

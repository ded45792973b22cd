//! Commands to try once the fleet is up, as they work in another terminal.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use stevedore_fleet::Fleet;

use super::example;
use super::progress::ProgressLine;
use super::setup::DemoFleet;

/// The folders that the commands need on the PATH: that of this program, and that of kubectl where it is not there yet.
pub(super) async fn path(fleet: &Fleet) -> anyhow::Result<Vec<PathBuf>> {
    let ours = std::env::current_exe().context("cannot find this program")?;
    let mut programs = vec![ours];
    if !is_on(std::env::var_os("PATH"), "kubectl") {
        let progress = ProgressLine::new();
        progress.say("looking for kubectl");
        let found = fleet.kubectl(&progress).await;
        progress.done();
        match found {
            Ok(kubectl) => programs.push(kubectl),
            // The fleet is as good without it.
            Err(error) => eprintln!(
                "the kubectl commands below need a kubectl, and it cannot be built here: {error}"
            ),
        }
    }
    let folders = programs.iter().filter_map(|program| program.parent());
    Ok(folders.map(Path::to_owned).collect())
}

/// Whether a search path has this program.
fn is_on(path: Option<OsString>, program: &str) -> bool {
    let path = path.unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

/// The commands.
pub(super) fn text(demo: &DemoFleet, path: &[PathBuf]) -> String {
    let hub = demo.fleet.hub().kubeconfig();
    let member = &demo.fleet.members()[0];
    let (two, name) = (demo.reference(&example::TWO), example::NAME);
    let path: Vec<_> = path
        .iter()
        .map(|folder| folder.display().to_string())
        .collect();
    format!(
        "
The fleet is up. Logs and kubeconfigs are in {folder}.

In another terminal:
  export PATH=\"{path}:$PATH\"
  export KUBECONFIG=\"{hub}\"
  kubectl get memberclusters,clusterpackages
  stevedore fleet status
  stevedore explain {name} --cluster {member_name}

Upgrade and roll back:
  kubectl patch clusterpackage {name} --type merge -p '{{\"spec\":{{\"image\":\"{two}\"}}}}'
  stevedore rollout status {name} --watch
  stevedore rollout history {name}
  stevedore rollout undo {name}

On a member: what its agent accepted, and drift that comes back:
  export MEMBER=\"{member_config}\"
  kubectl --kubeconfig \"$MEMBER\" get clusterobjectsets
  kubectl --kubeconfig \"$MEMBER\" -n {name} delete service lamp
  kubectl --kubeconfig \"$MEMBER\" -n {name} get service lamp

Remove it everywhere:
  kubectl delete clusterpackage {name}

Everything ends with Ctrl-C.",
        folder = demo.fleet.folder().display(),
        path = path.join(":"),
        hub = hub.display(),
        member_name = member.name(),
        member_config = member.kubeconfig().display(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_found_on_the_path_only_where_it_is() {
        let ours = std::env::current_exe().unwrap();
        let name = ours.file_name().unwrap().to_str().unwrap();
        let path = std::env::join_paths([Path::new("/nowhere"), ours.parent().unwrap()]).unwrap();
        assert!(is_on(Some(path.clone()), name));
        assert!(!is_on(Some(path), "no-such-program") && !is_on(None, name));
    }
}

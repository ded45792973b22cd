//! The commands and their flags.

use clap::{CommandFactory as _, Parser, Subcommand};

use crate::cluster::{self, ClusterCommand};
use crate::connection::Connection;
use crate::demo::Demo;
use crate::explain::Explain;
use crate::fleet::{self, FleetCommand};
use crate::hub::{self, HubCommand};
use crate::outcome::Outcome;
use crate::package::{self, PackageCommand};
use crate::rollout::{self, RolloutCommand};

/// Loads packages of Kubernetes objects onto fleets of clusters.
#[derive(Debug, Parser)]
#[command(name = "stevedore", version, about, max_term_width = 100, after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(flatten)]
    connection: Connection,
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  stevedore demo                               a whole fleet on this machine
  stevedore cluster join harbour-1 > token     invite a cluster; give the token to its agent
  stevedore cluster list                       every cluster and whether it is connected
  stevedore fleet status                       every package and where it is available
  stevedore rollout undo lighthouse            back to the revision before

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 not (yet) as asked for.
The program also works as `kubectl stevedore` when it is on the PATH as kubectl-stevedore.";

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs a whole fleet on this machine: a hub, members, a registry, and a package rolling out
    Demo(Demo),
    /// The hub itself: raise its epoch
    #[command(subcommand)]
    Hub(HubCommand),
    /// Clusters of the fleet: join, list, get, remove
    #[command(subcommand)]
    Cluster(ClusterCommand),
    /// The whole fleet: what is where
    #[command(subcommand)]
    Fleet(FleetCommand),
    /// Rollouts of one package: history, undo, release
    #[command(subcommand)]
    Rollout(RolloutCommand),
    /// Packages as files: init, validate, test, render, tree, diff, update, build, push, pull
    #[command(subcommand)]
    Package(PackageCommand),
    /// Says why a package is not available on a cluster
    Explain(Explain),
    /// Prints a completion script for a shell
    #[command(after_help = "Example:\n  source <(stevedore completion bash)")]
    Completion {
        /// The shell
        shell: clap_complete::Shell,
    },
}

impl Args {
    /// Runs the command.
    pub(crate) async fn run(self) -> anyhow::Result<Outcome> {
        match self.command {
            Command::Cluster(command) => cluster::run(&self.connection, command).await,
            Command::Fleet(command) => fleet::run(&self.connection, command).await,
            Command::Rollout(command) => rollout::run(&self.connection, command).await,
            Command::Explain(explain) => explain.run(&self.connection).await,
            Command::Package(command) => package::run(&self.connection, command).await,
            Command::Demo(demo) => demo.run().await,
            Command::Hub(command) => hub::run(&self.connection, command).await,
            Command::Completion { shell } => {
                clap_complete::generate(
                    shell,
                    &mut Self::command(),
                    "stevedore",
                    &mut std::io::stdout(),
                );
                Ok(Outcome::Done)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use clap_complete::Shell;

    use super::*;

    #[test]
    fn the_definition_of_the_arguments_is_consistent() {
        Args::command().debug_assert();
    }

    #[test]
    fn arguments_that_no_object_can_be_named_are_refused_before_anything_is_asked() {
        let refused = |line: &[&str]| {
            let line = std::iter::once(&"stevedore").chain(line);
            Args::try_parse_from(line)
                .err()
                .map(|error| error.to_string())
        };
        let clusters: [&[&str]; 5] = [
            &["cluster", "get"],
            &["cluster", "join"],
            &["cluster", "remove"],
            &["cluster", "remove", "--forget"],
            &["explain", "lighthouse", "--cluster"],
        ];
        let packages: [&[&str]; 5] = [
            &["rollout", "undo"],
            &["rollout", "history"],
            &["rollout", "release"],
            &["fleet", "status"],
            &["explain", "--cluster", "harbour-1"],
        ];
        for name in [
            "../x",
            "?limit=0",
            "..",
            "%2e%2e",
            "a/b/../c",
            "",
            "\u{1b}[31mx",
        ] {
            for command in clusters.iter().chain(&packages) {
                let said = refused(&[command, &[name][..]].concat());
                let said = said.unwrap_or_else(|| panic!("{command:?} takes {name:?}"));
                let says_what_a_name_is = [
                    "lower-case letters",
                    "NAMESPACE/NAME",
                    "a value is required",
                ]
                .iter()
                .any(|form| said.contains(form));
                assert!(says_what_a_name_is, "{said}");
                assert!(!said.contains('\u{1b}'), "{said:?}");
            }
            let said = refused(&["--system-namespace", name, "cluster", "list"]);
            assert!(said.is_some(), "--system-namespace takes {name:?}");
        }
        for command in clusters {
            assert_eq!(refused(&[command, &["harbour-1.north"][..]].concat()), None);
        }
        for command in packages {
            assert_eq!(
                refused(&[command, &["harbour/lighthouse"][..]].concat()),
                None
            );
        }
    }

    #[test]
    fn where_a_package_is_installed_is_said_with_one_flag() {
        let commands: [&[&str]; 4] = [
            &["init", "lamp"],
            &["render", "lamp"],
            &["tree", "lamp"],
            &["diff", "lamp", "other"],
        ];
        for command in commands {
            let parsed = |more: &[&str]| {
                let line = [&["stevedore", "package"], command, more].concat();
                Args::try_parse_from(line).map(drop)
            };
            parsed(&["--scope", "cluster"]).unwrap();
            parsed(&["--scope", "namespace"]).unwrap();
            assert!(parsed(&["--for", "cluster"]).is_err(), "{command:?}");
        }
    }

    #[test]
    fn completion_scripts_know_every_command_and_every_flag() {
        fn inspect(script: &str, command: &clap::Command) {
            for subcommand in command.get_subcommands() {
                let name = subcommand.get_name();
                assert!(script.contains(name), "no {name} in {script}");
                let flags = subcommand.get_arguments().filter_map(|it| it.get_long());
                for flag in flags {
                    assert!(script.contains(flag), "no --{flag} of {name} in {script}");
                }
                inspect(script, subcommand);
            }
        }
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
            let mut script = Vec::new();
            let mut command = Args::command();
            clap_complete::generate(shell, &mut command, "stevedore", &mut script);
            inspect(&String::from_utf8(script).unwrap(), &command);
        }
    }

    #[test]
    fn every_command_has_a_description() {
        fn inspect(command: &clap::Command) {
            assert!(command.get_about().is_some(), "{}", command.get_name());
            command.get_subcommands().for_each(inspect);
        }
        inspect(&Args::command());
    }
}

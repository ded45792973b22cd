//! The `stevedore` command: fleets, packages and rollouts through the Kubernetes API.
//!
//! What it does: reads and writes the hub's Kubernetes objects as the user of the kubeconfig, so
//! that everything it can do kubectl can do too. What it never does: talk to the hub's own port,
//! or decide what a cluster runs.
//!
//! Exit codes: 0 done, 1 failed, 2 wrong usage, 3 not (yet) as asked for (a wait that ran out,
//! a package that is not available).

mod args;
mod cluster;
mod connection;
mod demo;
mod deployments;
mod explain;
mod failure;
mod fleet;
mod hub;
mod label;
mod outcome;
mod output;
mod package;
mod package_name;
mod packages;
mod rollout;
mod terminal;

use std::process::ExitCode;

use clap::Parser as _;
use stevedore_package::printable::printable;

use outcome::Outcome;

/// Exit code for what is not, or not yet, as asked for.
const NOT_AS_ASKED: u8 = 3;

/// Parses the arguments, runs the command and turns its result into an exit code.
pub fn main() -> ExitCode {
    // The demo starts this program again as the guard of its processes.
    stevedore_fleet::guard::enter_if_asked();
    let args = args::Args::parse();
    // kube and the registry client take whatever provider is installed; it is the only one linked.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("error: cannot start: {error}");
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(args.run()) {
        Ok(Outcome::Done) => ExitCode::SUCCESS,
        Ok(Outcome::NotAsAsked) => ExitCode::from(NOT_AS_ASKED),
        Err(error) => {
            output::tell(failure::report(&error));
            eprintln!("error: {}", printable(&failure::message(&error)));
            ExitCode::FAILURE
        }
    }
}

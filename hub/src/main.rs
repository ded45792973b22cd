//! The `stevedore-hub` program.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use clap::Parser as _;
use stevedore_hub::{args::Args, startup};
use stevedore_runtime::shutdown::Signals;
use stevedore_runtime::supervise::Supervisor;
use stevedore_runtime::tls;
use tokio_util::sync::CancellationToken;

/// How long requests under way may take after a signal.
const DRAIN: Duration = Duration::from_secs(10);

fn main() -> anyhow::Result<ExitCode> {
    let args = Args::parse();
    args.daemon.init_log()?;
    tls::install_provider();
    let runtime = tokio::runtime::Runtime::new().context("cannot start the runtime")?;
    runtime.block_on(async {
        let signals = Signals::install().context("cannot take over signals")?;
        let supervisor = Supervisor::new(CancellationToken::new());
        let tasks = supervisor.tasks();
        // Started as a task: a signal also ends a hub that still waits for the Lease.
        let starting = startup::start_or_fail(args, tasks.clone());
        let _ = tasks.spawn_until_shutdown("start", starting);
        Ok(supervisor.run(signals, DRAIN).await.into())
    })
}

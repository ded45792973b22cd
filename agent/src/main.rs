//! The `stevedore-agent` program.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use clap::Parser as _;
use stevedore_agent::args::Args;
use stevedore_agent::startup;
use stevedore_runtime::shutdown::Signals;
use stevedore_runtime::supervise::Supervisor;
use stevedore_runtime::tls;
use tokio_util::sync::CancellationToken;

/// How long requests under way may take after a signal.
const DRAIN: Duration = Duration::from_secs(10);
/// Threads for what takes long without waiting: unpacking.
const BLOCKING: usize = 2;

fn main() -> anyhow::Result<ExitCode> {
    let args = Args::parse();
    args.daemon.init_log()?;
    tls::install_provider();
    // One thread waits for everything: an agent mostly waits, and each thread costs a heap of its own.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .max_blocking_threads(BLOCKING)
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    runtime.block_on(async {
        let signals = Signals::install().context("cannot take over signals")?;
        let supervisor = Supervisor::new(CancellationToken::new());
        startup::start(args, &supervisor.tasks()).await?;
        Ok(supervisor.run(signals, DRAIN).await.into())
    })
}

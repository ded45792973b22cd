//! One cluster: a real API server, and as much around it as is asked for.
//!
//! Starting, killing and stopping its programs stands here; what it can be in `options`, the programs' arguments in
//! `programs`, when it is ready in `readiness`, who may log in and how in `identity`, copies of its data in `backup`.

mod backup;
mod files;
mod identity;
mod options;
mod programs;
mod readiness;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Mutex;

pub use backup::Backup;
pub use options::{BROKEN_IMAGE, ClusterOptions, Extent, Program};

use crate::audit::AuditReader;
use crate::error::Error;
use crate::etcd::Etcd;
use crate::guard::Guard;
use crate::kubeconfig::Kubeconfig;
use crate::pki::Authority;
use crate::process::{Exit, Process};
use crate::progress::{Event, Progress};
use crate::start::{PORT_ATTEMPTS, free_port, lost_port, until_ready};
use crate::tools::Toolbox;

/// The one node of a cluster with pods.
pub const NODE: &str = "node-1";

/// How long a program has to end in good order.
const GRACE: Duration = Duration::from_secs(10);

/// What starting a cluster takes.
pub(crate) struct StartContext<'a> {
    pub(crate) guard: &'a Guard,
    pub(crate) toolbox: &'a Toolbox,
    pub(crate) progress: &'a dyn Progress,
    /// The cluster's own folder.
    pub(crate) folder: &'a Path,
    /// Its store, shared or its own.
    pub(crate) etcd: Arc<Etcd>,
}

/// A running cluster. Dropping it kills its programs.
pub struct ControlPlane {
    options: ClusterOptions,
    guard: Guard,
    toolbox: Toolbox,
    folder: PathBuf,
    etcd: Arc<Etcd>,
    authority: Authority,
    port: u16,
    admin: Kubeconfig,
    client: kube::Client,
    running: Mutex<BTreeMap<Program, Process>>,
}

impl ControlPlane {
    pub(crate) async fn start(
        options: ClusterOptions,
        context: StartContext<'_>,
    ) -> Result<Self, Error> {
        let started = Instant::now();
        let name = options.name.clone();
        std::fs::create_dir_all(context.folder).map_err(Error::io(context.folder))?;
        let mut authority = Authority::new(&name)?;
        files::write(context.folder, &options, &authority)?;
        let mut attempt = 1;
        let cluster = loop {
            let port = free_port()?;
            let admin = Kubeconfig::with_certificate(
                &authority,
                &name,
                port,
                "stevedore-admin",
                Some("system:masters"),
            )?;
            let cluster = Self {
                options: options.clone(),
                guard: context.guard.clone(),
                toolbox: context.toolbox.clone(),
                folder: context.folder.to_owned(),
                etcd: Arc::clone(&context.etcd),
                client: admin.client().await?,
                authority,
                port,
                admin,
                running: Mutex::default(),
            };
            context.progress.report(&Event::Starting {
                name: format!("{name}/{}", Program::ApiServer),
            });
            match cluster.start_program(Program::ApiServer).await {
                Ok(()) => break cluster,
                Err(error) if lost_port(&error) && attempt < PORT_ATTEMPTS => {
                    attempt += 1;
                    Self { authority, .. } = cluster;
                }
                Err(error) => return Err(error),
            }
        };
        cluster.admin.write(&cluster.kubeconfig())?;
        for &program in &cluster.options.extent.programs()[1..] {
            context.progress.report(&Event::Starting {
                name: format!("{name}/{program}"),
            });
            cluster.start_program(program).await?;
        }
        if cluster.options.extent >= Extent::Pods {
            cluster.add_node().await?;
        }
        cluster.settled().await?;
        context.progress.report(&Event::Ready {
            name,
            elapsed: started.elapsed(),
        });
        Ok(cluster)
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.options.name
    }

    /// Where its API server is, for its whole life.
    #[must_use]
    pub fn url(&self) -> String {
        format!("https://127.0.0.1:{}", self.port)
    }

    /// The folder with its logs, keys and kubeconfigs.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// An administrator's client; cheap to clone.
    #[must_use]
    pub fn client(&self) -> kube::Client {
        self.client.clone()
    }

    /// The administrator's kubeconfig file.
    #[must_use]
    pub fn kubeconfig(&self) -> PathBuf {
        self.folder.join("admin.kubeconfig")
    }

    /// Its audit log, from the first request on.
    #[must_use]
    pub fn audit(&self) -> AuditReader {
        AuditReader::from_start(&self.audit_path())
    }

    /// Its audit log, from the next request on.
    #[must_use]
    pub fn audit_from_now(&self) -> AuditReader {
        AuditReader::from_end(&self.audit_path())
    }

    fn audit_path(&self) -> PathBuf {
        self.folder.join("audit.log")
    }

    /// The log of one of its programs.
    #[must_use]
    pub fn log_path(&self, program: Program) -> PathBuf {
        match program {
            Program::Etcd => self.etcd.log_path(),
            _ => self.folder.join(format!("{program}.log")),
        }
    }

    /// The process id of one of its programs, none when it does not run.
    pub async fn pid(&self, program: Program) -> Option<i32> {
        match program {
            Program::Etcd => self.etcd.pid().await,
            _ => self
                .running
                .lock()
                .await
                .get(&program)
                .and_then(Process::pid),
        }
    }

    /// Starts a program again with the data it had, and waits until it serves. Nothing happens if it runs.
    ///
    /// # Errors
    /// When the cluster was not started with it, or when it does not come up.
    pub async fn start_program(&self, program: Program) -> Result<(), Error> {
        self.check_has(program)?;
        if program == Program::Etcd {
            return self.etcd.run().await;
        }
        let mut running = self.running.lock().await;
        if running
            .get(&program)
            .is_some_and(|process| process.exit().is_none())
        {
            return Ok(());
        }
        let process = Process::start(&self.guard, &self.spec(program)?).await?;
        if program == Program::ApiServer {
            until_ready(&process, || self.api_server_answers()).await?;
        }
        running.insert(program, process);
        Ok(())
    }

    /// Kills a program (SIGKILL) and waits until it is gone; how it ended, none if it did not run.
    ///
    /// # Errors
    /// When the cluster was not started with it.
    pub async fn kill_program(&self, program: Program) -> Result<Option<Exit>, Error> {
        self.check_has(program)?;
        if program == Program::Etcd {
            return Ok(self.etcd.kill().await);
        }
        let process = self.running.lock().await.remove(&program);
        Ok(match process {
            Some(process) => Some(process.kill().await),
            None => None,
        })
    }

    /// Makes a program hang: it keeps its connections and answers nothing, until it is to go on.
    pub async fn hang_program(&self, program: Program, hangs: bool) {
        if let Some(process) = self.running.lock().await.get(&program) {
            process.hang(hangs);
        }
    }

    /// Ends a program in good order, at most 10 s, then by force; how it ended, none if it did not run.
    ///
    /// # Errors
    /// When the cluster was not started with it.
    pub async fn stop_program(&self, program: Program) -> Result<Option<Exit>, Error> {
        self.check_has(program)?;
        if program == Program::Etcd {
            return Ok(self.etcd.stop().await);
        }
        let process = self.running.lock().await.remove(&program);
        Ok(match process {
            Some(process) => Some(process.stop(GRACE).await),
            None => None,
        })
    }

    /// Ends every program of this cluster, the store only where it is its own.
    ///
    /// # Errors
    /// None in practice: it stops only what the cluster has.
    pub async fn stop(&self) -> Result<(), Error> {
        for program in self.last_first() {
            self.stop_program(program).await?;
        }
        Ok(())
    }

    /// Kills every program of this cluster, the store only where it is its own.
    ///
    /// # Errors
    /// None in practice: it kills only what the cluster has.
    pub async fn kill(&self) -> Result<(), Error> {
        for program in self.last_first() {
            self.kill_program(program).await?;
        }
        Ok(())
    }

    /// Starts every program that does not run, and waits until the cluster is as good as new.
    ///
    /// # Errors
    /// When a program does not come up, with the end of its log.
    pub async fn start_again(&self) -> Result<(), Error> {
        if self.options.own_etcd {
            self.start_program(Program::Etcd).await?;
        }
        for &program in self.options.extent.programs() {
            self.start_program(program).await?;
        }
        self.settled().await
    }

    /// Its programs in the order in which they are ended: the store last, and only where it is its own.
    fn last_first(&self) -> impl Iterator<Item = Program> {
        let programs = self.options.extent.programs().iter().rev().copied();
        programs.chain(self.options.own_etcd.then_some(Program::Etcd))
    }

    fn check_has(&self, program: Program) -> Result<(), Error> {
        let has = match program {
            Program::Etcd => self.options.own_etcd,
            _ => self.options.extent.programs().contains(&program),
        };
        if has {
            return Ok(());
        }
        Err(Error::NoSuchProgram {
            cluster: self.options.name.clone(),
            program: program.to_string(),
        })
    }
}

//! etcd: one for many clusters, each under its own prefix, or one of a cluster's own.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tokio::sync::Mutex;

use crate::error::Error;
use crate::guard::Guard;
use crate::kubeconfig::{Kubeconfig, Login, write_private};
use crate::pki::Authority;
use crate::process::{Exit, Process, ProcessSpec};
use crate::progress::{Event, Progress};
use crate::start::{PORT_ATTEMPTS, free_port, lost_port, until_ready};

/// How long etcd has to end in good order.
const GRACE: Duration = Duration::from_secs(10);

/// A running etcd. Its clients and it show each other certificates, so that nobody else on the machine reads it.
pub(crate) struct Etcd {
    guard: Guard,
    name: String,
    program: PathBuf,
    folder: PathBuf,
    access: Kubeconfig,
    ports: (u16, u16),
    durable: bool,
    process: Mutex<Option<Process>>,
}

impl Etcd {
    /// Starts it with its files under `folder`. Without `durable` it never waits for the disk: fast, and as good
    /// as long as the machine itself does not go down.
    pub(crate) async fn start(
        guard: &Guard,
        name: &str,
        program: &Path,
        folder: &Path,
        durable: bool,
        progress: &dyn Progress,
    ) -> Result<Self, Error> {
        std::fs::create_dir_all(folder).map_err(Error::io(folder))?;
        let authority = Authority::new(name)?;
        let server = authority.server(name)?;
        let client = authority.client("kube-apiserver", None)?;
        write_private(&folder.join("ca.pem"), &authority.certificate())?;
        write_private(&folder.join("server.pem"), &server.certificate)?;
        write_private(&folder.join("server.key"), &server.key)?;
        write_private(&folder.join("client.pem"), &client.certificate)?;
        write_private(&folder.join("client.key"), &client.key)?;
        progress.report(&Event::Starting {
            name: name.to_owned(),
        });
        let started = Instant::now();
        let mut etcd = Self {
            guard: guard.clone(),
            name: name.to_owned(),
            program: program.to_owned(),
            folder: folder.to_owned(),
            access: Kubeconfig {
                cluster: name.to_owned(),
                user: "kube-apiserver".to_owned(),
                server: String::new(),
                authority: authority.certificate(),
                login: Login::Certificate(client),
            },
            ports: (0, 0),
            durable,
            process: Mutex::new(None),
        };
        for attempt in 1.. {
            etcd.ports = (free_port()?, free_port()?);
            etcd.access.server = format!("https://127.0.0.1:{}", etcd.ports.0);
            match etcd.run().await {
                Err(error) if lost_port(&error) && attempt < PORT_ATTEMPTS => {}
                Err(error) => return Err(error),
                Ok(()) => break,
            }
        }
        progress.report(&Event::Ready {
            name: name.to_owned(),
            elapsed: started.elapsed(),
        });
        Ok(etcd)
    }

    /// Starts it again with the data it has. Nothing happens if it runs.
    #[expect(
        clippy::disallowed_methods,
        reason = "a path of this crate's own, at an etcd that it started"
    )]
    pub(crate) async fn run(&self) -> Result<(), Error> {
        let mut slot = self.process.lock().await;
        if slot
            .as_ref()
            .is_some_and(|process| process.exit().is_none())
        {
            return Ok(());
        }
        let client = self.access.client().await?;
        let process = Process::start(&self.guard, &self.spec()).await?;
        until_ready(&process, || async {
            let request = http_get("/health");
            match client.request_text(request).await {
                Ok(text) if text.contains("\"true\"") => Ok(()),
                Ok(text) => Err(text),
                Err(error) => Err(error.to_string()),
            }
        })
        .await?;
        *slot = Some(process);
        Ok(())
    }

    fn spec(&self) -> ProcessSpec {
        let file = |name: &str| self.folder.join(name).display().to_string();
        let (client, peer) = self.ports;
        let (client, peer) = (
            format!("https://127.0.0.1:{client}"),
            format!("https://127.0.0.1:{peer}"),
        );
        let mut args = vec![
            "--name=default".to_owned(),
            format!("--data-dir={}", self.data().display()),
            format!("--listen-client-urls={client}"),
            format!("--advertise-client-urls={client}"),
            format!("--listen-peer-urls={peer}"),
            format!("--initial-advertise-peer-urls={peer}"),
            format!("--initial-cluster=default={peer}"),
            "--client-cert-auth".to_owned(),
            format!("--trusted-ca-file={}", file("ca.pem")),
            format!("--cert-file={}", file("server.pem")),
            format!("--key-file={}", file("server.key")),
            "--peer-client-cert-auth".to_owned(),
            format!("--peer-trusted-ca-file={}", file("ca.pem")),
            format!("--peer-cert-file={}", file("server.pem")),
            format!("--peer-key-file={}", file("server.key")),
            "--quota-backend-bytes=8589934592".to_owned(),
            "--log-level=warn".to_owned(),
        ];
        if !self.durable {
            args.push("--unsafe-no-fsync".to_owned());
        }
        ProcessSpec {
            name: self.name.clone(),
            program: self.program.clone(),
            args,
            env: Vec::new(),
            dir: None,
            log: self.folder.join("etcd.log"),
        }
    }

    /// What an API server is given to reach it.
    pub(crate) fn api_server_flags(&self) -> Vec<String> {
        let file = |name: &str| self.folder.join(name).display().to_string();
        vec![
            format!("--etcd-servers={}", self.access.server),
            format!("--etcd-cafile={}", file("ca.pem")),
            format!("--etcd-certfile={}", file("client.pem")),
            format!("--etcd-keyfile={}", file("client.key")),
        ]
    }

    /// The folder that holds all it knows.
    pub(crate) fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    pub(crate) fn log_path(&self) -> PathBuf {
        self.folder.join("etcd.log")
    }

    pub(crate) async fn pid(&self) -> Option<i32> {
        self.process.lock().await.as_ref().and_then(Process::pid)
    }

    pub(crate) async fn stop(&self) -> Option<Exit> {
        let process = self.process.lock().await.take()?;
        Some(process.stop(GRACE).await)
    }

    pub(crate) async fn kill(&self) -> Option<Exit> {
        let process = self.process.lock().await.take()?;
        Some(process.kill().await)
    }
}

/// A GET without a body, for [`kube::Client::request_text`].
pub(crate) fn http_get(path: &str) -> http::Request<Vec<u8>> {
    let mut request = http::Request::new(Vec::new());
    *request.uri_mut() = path
        .parse()
        .expect("the paths that this crate asks for are valid");
    request
}

//! A real OCI registry on the loopback address, over plain HTTP.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tokio::sync::Mutex;

use crate::error::Error;
use crate::guard::Guard;
use crate::process::{Exit, Process, ProcessSpec};
use crate::progress::{Event, Progress};
use crate::start::{PORT_ATTEMPTS, free_port, http_status, lost_port, until_ready};

const NAME: &str = "registry";

/// How long it has to end in good order.
const GRACE: Duration = Duration::from_secs(5);

/// A running registry. It keeps its images in its folder, also over a kill. Dropping it kills it.
pub struct Registry {
    guard: Guard,
    program: PathBuf,
    folder: PathBuf,
    port: u16,
    process: Mutex<Option<Process>>,
}

impl Registry {
    pub(crate) async fn begin(
        guard: &Guard,
        program: &Path,
        folder: &Path,
        progress: &dyn Progress,
    ) -> Result<Self, Error> {
        std::fs::create_dir_all(folder).map_err(Error::io(folder))?;
        progress.report(&Event::Starting {
            name: NAME.to_owned(),
        });
        let started = Instant::now();
        let mut attempt = 1;
        loop {
            let registry = Self {
                guard: guard.clone(),
                program: program.to_owned(),
                folder: folder.to_owned(),
                port: free_port()?,
                process: Mutex::new(None),
            };
            registry.write_config()?;
            match registry.start().await {
                Err(error) if lost_port(&error) && attempt < PORT_ATTEMPTS => attempt += 1,
                Err(error) => return Err(error),
                Ok(()) => {
                    progress.report(&Event::Ready {
                        name: NAME.to_owned(),
                        elapsed: started.elapsed(),
                    });
                    return Ok(registry);
                }
            }
        }
    }

    /// What stands before the repository in an image reference: `127.0.0.1:PORT`.
    #[must_use]
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address())
    }

    /// Its log, which names every request.
    #[must_use]
    pub fn log_path(&self) -> PathBuf {
        self.folder.join("registry.log")
    }

    /// Starts it again at the same address with the images it had. Nothing happens if it runs.
    ///
    /// # Errors
    /// When it does not come up, with the end of its log.
    pub async fn start(&self) -> Result<(), Error> {
        let mut slot = self.process.lock().await;
        if slot
            .as_ref()
            .is_some_and(|process| process.exit().is_none())
        {
            return Ok(());
        }
        let config = self.folder.join("config.yaml").display().to_string();
        let child = ProcessSpec {
            name: NAME.to_owned(),
            program: self.program.clone(),
            args: vec!["serve".to_owned(), config],
            // It would else look for a collector of traces.
            env: vec![("OTEL_TRACES_EXPORTER".to_owned(), "none".to_owned())],
            dir: None,
            log: self.log_path(),
        };
        let process = Process::start(&self.guard, &child).await?;
        let url = format!("{}/v2/", self.url());
        until_ready(&process, || async {
            match http_status(&url).await? {
                200 => Ok(()),
                other => Err(format!("{url} answers {other}")),
            }
        })
        .await?;
        *slot = Some(process);
        Ok(())
    }

    /// Ends it in good order; how it ended, none if it did not run.
    pub async fn stop(&self) -> Option<Exit> {
        let process = self.process.lock().await.take()?;
        Some(process.stop(GRACE).await)
    }

    /// Kills it; how it ended, none if it did not run.
    pub async fn kill(&self) -> Option<Exit> {
        let process = self.process.lock().await.take()?;
        Some(process.kill().await)
    }

    fn write_config(&self) -> Result<(), Error> {
        let path = self.folder.join("config.yaml");
        let config = serde_json::json!({
            "version": "0.1",
            "log": {"level": "info"},
            "storage": {
                "filesystem": {"rootdirectory": self.folder.join("images")},
                "delete": {"enabled": true},
            },
            "http": {"addr": self.address()},
        });
        std::fs::write(&path, config.to_string()).map_err(Error::io(&path))
    }
}

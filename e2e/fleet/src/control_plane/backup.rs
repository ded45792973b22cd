//! Backups of a cluster's data, and the return to one.

use std::path::{Path, PathBuf};

use super::{ControlPlane, Program};
use crate::error::Error;

/// A copy of a cluster's data. It lives in the cluster's folder, as long as that.
#[derive(Debug, Clone)]
pub struct Backup {
    folder: PathBuf,
}

impl ControlPlane {
    /// Copies the data. The store is killed for that, which loses nothing that it had acknowledged, and started
    /// again; this returns when the API server, if it runs, has found it again.
    ///
    /// # Errors
    /// [`Error::SharedEtcd`] without an etcd of its own.
    pub async fn back_up(&self) -> Result<Backup, Error> {
        self.check_own_etcd()?;
        let folder = tempfile::Builder::new()
            .prefix("backup-")
            .tempdir_in(&self.folder)
            .map_err(Error::io(&self.folder))?
            .keep();
        self.kill_program(Program::Etcd).await?;
        let copied = copy(&self.etcd.data(), &folder);
        self.start_program(Program::Etcd).await?;
        copied?;
        if self.pid(Program::ApiServer).await.is_some() {
            self.awaited(Program::ApiServer, || self.api_server_answers())
                .await?;
        }
        Ok(Backup { folder })
    }

    /// Kills the whole cluster, puts the older data in the place of what it has, and starts it again.
    ///
    /// What was written since the copy was made is gone, and resource versions go back: clients see what they
    /// would see of a cluster restored from a backup.
    ///
    /// # Errors
    /// [`Error::SharedEtcd`] without an etcd of its own; else what [`start_again`](Self::start_again) says.
    pub async fn restore(&self, backup: &Backup) -> Result<(), Error> {
        self.check_own_etcd()?;
        self.kill().await?;
        let data = self.etcd.data();
        std::fs::remove_dir_all(&data).map_err(Error::io(&data))?;
        copy(&backup.folder, &data)?;
        self.start_again().await
    }

    fn check_own_etcd(&self) -> Result<(), Error> {
        if self.options.own_etcd {
            return Ok(());
        }
        Err(Error::SharedEtcd(self.options.name.clone()))
    }
}

fn copy(from: &Path, to: &Path) -> Result<(), Error> {
    use std::os::unix::fs::PermissionsExt;

    std::fs::create_dir_all(to).map_err(Error::io(to))?;
    // etcd refuses a data folder that others can read.
    std::fs::set_permissions(to, std::fs::Permissions::from_mode(0o700)).map_err(Error::io(to))?;
    for entry in from.read_dir().map_err(Error::io(from))? {
        let entry = entry.map_err(Error::io(from))?;
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        if source.is_dir() {
            copy(&source, &target)?;
        } else {
            std::fs::copy(&source, &target).map_err(Error::io(&source))?;
        }
    }
    Ok(())
}

//! Stevedore itself on a running fleet: the hub and the agents as processes, each with the rights
//! of its own account.

use std::path::PathBuf;

use crate::control_plane::ControlPlane;
use crate::daemon::{Daemon, DaemonSpec};
use crate::error::Error;
use crate::fleet::Fleet;
use crate::install::{install_hub, install_member};
use crate::programs::Programs;
use crate::start::free_port;

/// Namespace of hub and agents.
const NAMESPACE: &str = "stevedore-system";

/// What one daemon of ours listens on and runs as.
pub struct Hosted {
    /// The process.
    pub daemon: Daemon,
    /// `127.0.0.1:PORT` of health and metrics.
    pub admin: String,
}

/// Installs the hub's definitions and rights on a cluster and prepares a hub there, which is not
/// started yet. Its registry is the fleet's, over plain HTTP on the loopback address.
///
/// # Errors
/// Whatever the API server refuses.
pub async fn prepare_hub(
    fleet: &Fleet,
    cluster: &ControlPlane,
    programs: &Programs,
) -> Result<Hosted, Error> {
    install_hub(&cluster.client()).await?;
    let kubeconfig = cluster
        .service_account_file(NAMESPACE, "stevedore-hub")
        .await?;
    let grpc = format!("127.0.0.1:{}", free_port()?);
    let args = [
        "--listen".to_owned(),
        grpc.clone(),
        "--advertise".into(),
        grpc,
    ];
    hosted(
        fleet,
        "stevedore-hub",
        programs.path("stevedore-hub"),
        kubeconfig,
        args,
    )
}

/// Installs the agent's definitions and rights on a cluster and prepares an agent there, which is
/// not started yet. `args` say whether it joins a hub (`--join-token-file`) or works alone
/// (`--standalone`).
///
/// # Errors
/// Whatever the API server refuses.
pub async fn prepare_agent(
    fleet: &Fleet,
    cluster: &ControlPlane,
    programs: &Programs,
    args: impl IntoIterator<Item = String>,
) -> Result<Hosted, Error> {
    install_member(&cluster.client()).await?;
    let kubeconfig = cluster
        .service_account_file(NAMESPACE, "stevedore-agent")
        .await?;
    let name = format!("{}-stevedore-agent", cluster.name());
    hosted(
        fleet,
        &name,
        programs.path("stevedore-agent"),
        kubeconfig,
        args,
    )
}

/// Writes a join token to a file that only this user can read, for `--join-token-file`.
///
/// # Errors
/// When the file cannot be written.
pub fn write_token(cluster: &ControlPlane, token: &str) -> Result<PathBuf, Error> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    let path = cluster.folder().join("join-token");
    std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&path)
        .and_then(|mut file| file.write_all(token.as_bytes()))
        .map_err(Error::io(&path))?;
    Ok(path)
}

fn hosted(
    fleet: &Fleet,
    name: &str,
    program: PathBuf,
    kubeconfig: PathBuf,
    args: impl IntoIterator<Item = String>,
) -> Result<Hosted, Error> {
    let admin = format!("127.0.0.1:{}", free_port()?);
    let spec = DaemonSpec::new(name, program)
        .args(["--kubeconfig".to_owned(), kubeconfig.display().to_string()])
        .args(["--namespace", NAMESPACE, "--admin-addr", admin.as_str()])
        .args(args)
        .ready_url(format!("http://{admin}/readyz"));
    Ok(Hosted {
        daemon: fleet.daemon(spec),
        admin,
    })
}

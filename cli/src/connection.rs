//! The connection to the hub's API server, as the user of the kubeconfig.

use std::path::PathBuf;

use anyhow::Context as _;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use stevedore_proto_core::name;

/// Which hub to talk to.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Connection {
    /// Kubeconfig of the hub cluster; otherwise $KUBECONFIG, then ~/.kube/config
    #[arg(long, global = true, value_name = "FILE", help_heading = "Hub")]
    kubeconfig: Option<PathBuf>,
    /// Context of the kubeconfig to use
    #[arg(long, global = true, value_name = "NAME", help_heading = "Hub")]
    context: Option<String>,
    /// Namespace of the hub's own records
    #[arg(long, global = true, value_name = "NAMESPACE", default_value = stevedore_crds::SYSTEM_NAMESPACE, value_parser = name::namespace, help_heading = "Hub")]
    pub(crate) system_namespace: String,
}

impl Connection {
    /// A client for the hub's API server.
    ///
    /// # Errors
    /// When there is no usable kubeconfig. The server is not contacted yet.
    pub(crate) async fn client(&self) -> anyhow::Result<Client> {
        let options = KubeConfigOptions {
            context: self.context.clone(),
            ..KubeConfigOptions::default()
        };
        let config = match &self.kubeconfig {
            Some(file) => {
                let kubeconfig = Kubeconfig::read_from(file)
                    .with_context(|| format!("cannot read kubeconfig {}", file.display()))?;
                Config::from_custom_kubeconfig(kubeconfig, &options).await
            }
            None => Config::from_kubeconfig(&options).await,
        };
        let config = config.context(
            "no usable kubeconfig for the hub; name one with --kubeconfig or $KUBECONFIG",
        )?;
        Client::try_from(config).context("cannot make a client from the kubeconfig")
    }
}

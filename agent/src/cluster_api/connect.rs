//! The way to the API server, over HTTP/2, from a kubeconfig file or from within a pod.
//!
//! kube's own connector speaks HTTP/1.1 only: one TLS connection for every watch. Here the same layers
//! stand on a connector that offers `h2`, so that watches are streams of one connection, as far as it takes
//! them.

use std::path::Path;
use std::time::Duration;

use hyper_rustls::{FixedServerNameResolver, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client as HttpClient;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use kube::client::{Body, ConfigExt as _};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use tower::{BoxError, ServiceBuilder};

use super::transport::Transport;
use crate::chain::chain;

/// How often an otherwise silent connection is checked, and how long the answer may take.
const KEEP_ALIVE: Duration = Duration::from_secs(30);
const KEEP_ALIVE_TIMEOUT: Duration = Duration::from_secs(20);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// There is no way to the API server.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be read or is no kubeconfig.
    #[error("kubeconfig {path} cannot be used")]
    Kubeconfig {
        /// The file.
        path: String,
        /// Why.
        source: kube::config::KubeconfigError,
    },
    /// No file was named and the process does not run in a pod.
    #[error("not in a cluster; name a kubeconfig with --kubeconfig FILE")]
    NotInCluster(#[source] kube::config::InClusterError),
    /// The credentials or the certificate authority cannot be used.
    #[error("the credentials for the API server cannot be used")]
    Credentials(#[source] Box<kube::Error>),
    /// The name to verify the server by is no DNS name or address.
    #[error("tls-server-name {0:?} is neither a DNS name nor an address")]
    ServerName(String),
    /// A proxy is configured.
    #[error("proxy-url in a kubeconfig is not supported")]
    Proxy,
}

/// The way of the kubeconfig, or of the pod this process runs in when there is none.
///
/// # Errors
/// When there is no configuration or it cannot be used. Whether the server answers is not tried.
pub async fn connect(kubeconfig: Option<&Path>) -> Result<Transport, Error> {
    let config = configuration(kubeconfig).await?;
    let first = client(&config)?;
    let another = move || {
        client(&config)
            .inspect_err(|error| {
                let error = chain(error);
                tracing::warn!(error, "no further connection to the API server");
            })
            .ok()
    };
    Ok(Transport::with(first, another))
}

async fn configuration(kubeconfig: Option<&Path>) -> Result<Config, Error> {
    let Some(path) = kubeconfig else {
        return Config::incluster().map_err(Error::NotInCluster);
    };
    let failed = |source| Error::Kubeconfig {
        path: path.display().to_string(),
        source,
    };
    let file = Kubeconfig::read_from(path).map_err(failed)?;
    Config::from_custom_kubeconfig(file, &KubeConfigOptions::default())
        .await
        .map_err(failed)
}

/// A client with a connection of its own.
fn client(config: &Config) -> Result<Client, Error> {
    let credentials = |error| Error::Credentials(Box::new(error));
    if config.proxy_url.is_some() {
        return Err(Error::Proxy);
    }
    let mut http = HttpConnector::new();
    http.enforce_http(false);
    http.set_nodelay(true);
    http.set_connect_timeout(Some(CONNECT_TIMEOUT));
    let mut builder = HttpsConnectorBuilder::new()
        .with_tls_config(config.rustls_client_config().map_err(credentials)?)
        .https_or_http();
    if let Some(name) = &config.tls_server_name {
        let server = name
            .clone()
            .try_into()
            .map_err(|_| Error::ServerName(name.clone()))?;
        builder = builder.with_server_name_resolver(FixedServerNameResolver::new(server));
    }
    let https = builder.enable_all_versions().wrap_connector(http);
    let transport = HttpClient::builder(TokioExecutor::new())
        .timer(TokioTimer::new())
        .http2_keep_alive_interval(KEEP_ALIVE)
        .http2_keep_alive_timeout(KEEP_ALIVE_TIMEOUT)
        .http2_keep_alive_while_idle(true)
        .build::<_, Body>(https);
    let service = ServiceBuilder::new()
        .layer(config.base_uri_layer())
        .option_layer(config.auth_layer().map_err(credentials)?)
        .map_err(BoxError::from)
        .service(transport);
    Ok(Client::new(service, config.default_namespace.clone()))
}

//! Kubeconfigs: a login to a cluster, as a file for programs and as a client for code.

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::error::Error;
use crate::pki::{Authority, Pair};

/// One user's access to one API server.
#[derive(Debug, Clone)]
pub struct Kubeconfig {
    pub(crate) cluster: String,
    pub(crate) user: String,
    pub(crate) server: String,
    pub(crate) authority: String,
    pub(crate) login: Login,
}

#[derive(Debug, Clone)]
pub(crate) enum Login {
    Certificate(Pair),
    Token(String),
}

impl Kubeconfig {
    /// Access by a client certificate of its own, in one group if it is given.
    pub(crate) fn with_certificate(
        authority: &Authority,
        cluster: &str,
        port: u16,
        user: &str,
        group: Option<&str>,
    ) -> Result<Self, Error> {
        Ok(Self {
            cluster: cluster.to_owned(),
            user: user.to_owned(),
            server: format!("https://127.0.0.1:{port}"),
            authority: authority.certificate(),
            login: Login::Certificate(authority.client(user, group)?),
        })
    }

    /// The text of the file. It holds a secret.
    #[must_use]
    pub fn to_yaml(&self) -> String {
        let login = match &self.login {
            Login::Certificate(pair) => format!(
                "client-certificate-data: {}\n    client-key-data: {}",
                STANDARD.encode(&pair.certificate),
                STANDARD.encode(&pair.key)
            ),
            Login::Token(token) => format!("token: {token}"),
        };
        let Self {
            cluster,
            user,
            server,
            ..
        } = self;
        let authority = STANDARD.encode(&self.authority);
        format!(
            "apiVersion: v1\n\
             kind: Config\n\
             current-context: {cluster}\n\
             clusters:\n\
             - name: {cluster}\n  cluster:\n    server: {server}\n    certificate-authority-data: {authority}\n\
             contexts:\n\
             - name: {cluster}\n  context:\n    cluster: {cluster}\n    user: \"{user}\"\n\
             users:\n\
             - name: \"{user}\"\n  user:\n    {login}\n"
        )
    }

    /// Writes the file, readable by its owner alone.
    ///
    /// # Errors
    /// [`Error::Io`] with the path.
    pub fn write(&self, path: &Path) -> Result<(), Error> {
        write_private(path, &self.to_yaml())
    }

    /// A client that acts as this user. It has no overall timeout, as watches need.
    ///
    /// # Errors
    /// When the TLS set-up is refused.
    pub async fn client(&self) -> Result<kube::Client, Error> {
        stevedore_runtime::tls::install_provider();
        let failed = |source| Error::Kubeconfig {
            server: self.server.clone(),
            source,
        };
        let parsed = kube::config::Kubeconfig::from_yaml(&self.to_yaml()).map_err(failed)?;
        let options = kube::config::KubeConfigOptions::default();
        let mut config = kube::Config::from_custom_kubeconfig(parsed, &options)
            .await
            .map_err(failed)?;
        config.proxy_url = None; // everything is on the loopback address
        kube::Client::try_from(config).map_err(Error::api(format!("client for {}", self.server)))
    }
}

/// Writes a file that only its owner can read.
pub(crate) fn write_private(path: &Path, text: &str) -> Result<(), Error> {
    std::fs::OpenOptions::new()
        .create(true)
        .truncate(true)
        .write(true)
        .mode(0o600)
        .open(path)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(Error::io(path))
}

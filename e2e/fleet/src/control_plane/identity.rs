//! Logins to a cluster from outside of it: administrators, users and service accounts.

use std::path::PathBuf;

use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::ServiceAccount;
use kube::api::{Api, PostParams};

use super::ControlPlane;
use crate::error::Error;
use crate::kubeconfig::{Kubeconfig, Login};

/// How long a minted token is good for.
const TOKEN_SECONDS: i64 = 24 * 60 * 60;

impl ControlPlane {
    /// The administrator's access, as a value.
    #[must_use]
    pub fn admin(&self) -> &Kubeconfig {
        &self.admin
    }

    /// Access for a person of this name, by client certificate, in one group if it is given. What they may do is a
    /// matter of RBAC.
    ///
    /// # Errors
    /// When no certificate can be made for that name.
    pub fn user(&self, name: &str, group: Option<&str>) -> Result<Kubeconfig, Error> {
        Kubeconfig::with_certificate(&self.authority, &self.options.name, self.port, name, group)
    }

    /// Access as a service account, by a token good for 24 h. The account has to exist.
    ///
    /// # Errors
    /// When the API server gives no token, for instance because there is no such account.
    #[expect(
        clippy::disallowed_methods,
        reason = "names of this crate's callers, at an API server that it started"
    )]
    pub async fn service_account(&self, namespace: &str, name: &str) -> Result<Kubeconfig, Error> {
        let what = format!("token of service account {namespace}/{name}");
        let request = TokenRequest {
            spec: Some(TokenRequestSpec {
                expiration_seconds: Some(TOKEN_SECONDS),
                ..TokenRequestSpec::default()
            }),
            ..TokenRequest::default()
        };
        let answer = Api::<ServiceAccount>::namespaced(self.client(), namespace)
            .create_token_request(name, &PostParams::default(), &request)
            .await
            .map_err(Error::api(&what))?;
        let token = answer.status.and_then(|status| status.token);
        let token = token.ok_or_else(|| Error::Awaited {
            what,
            seconds: 0,
            last: "an answer without a token".to_owned(),
        })?;
        Ok(Kubeconfig {
            cluster: self.options.name.clone(),
            user: format!("system:serviceaccount:{namespace}:{name}"),
            server: self.url(),
            authority: self.authority.certificate(),
            login: Login::Token(token),
        })
    }

    /// As [`service_account`](Self::service_account), as a file in the cluster's folder, for a daemon.
    ///
    /// # Errors
    /// As there, or when the file cannot be written.
    pub async fn service_account_file(
        &self,
        namespace: &str,
        name: &str,
    ) -> Result<PathBuf, Error> {
        let path = self.folder.join(format!("{namespace}.{name}.kubeconfig"));
        self.service_account(namespace, name).await?.write(&path)?;
        Ok(path)
    }
}

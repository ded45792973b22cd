//! The files and arguments that the programs of a cluster are started with.

use super::{ControlPlane, Program};
use crate::error::Error;
use crate::kubeconfig::Kubeconfig;
use crate::process::ProcessSpec;

impl ControlPlane {
    pub(super) fn spec(&self, program: Program) -> Result<ProcessSpec, Error> {
        let tool = program.tool();
        let path = self.toolbox.path(tool);
        let args = match program {
            Program::ApiServer | Program::Etcd => self.api_server_args(),
            Program::ControllerManager => self.controller_manager_args()?,
            Program::Scheduler => self.scheduler_args()?,
            Program::Kwok => self.kwok_args()?,
        };
        Ok(ProcessSpec {
            name: format!("{}/{program}", self.options.name),
            program: path
                .ok_or_else(|| Error::NoSuchProgram {
                    cluster: self.options.name.clone(),
                    program: program.to_string(),
                })?
                .to_owned(),
            args,
            env: Vec::new(),
            dir: Some(self.folder.clone()),
            log: self.log_path(program),
        })
    }

    fn file(&self, name: &str) -> String {
        self.folder.join(name).display().to_string()
    }

    /// Admission is as in any real cluster; what is left out (endpoints of its own service, profiling) no client
    /// sees.
    fn api_server_args(&self) -> Vec<String> {
        let mut args = self.etcd.api_server_flags();
        args.extend([
            format!("--etcd-prefix=/{}", self.options.name),
            "--bind-address=127.0.0.1".to_owned(),
            "--advertise-address=127.0.0.1".to_owned(),
            format!("--secure-port={}", self.port),
            format!("--tls-cert-file={}", self.file("server.pem")),
            format!("--tls-private-key-file={}", self.file("server.key")),
            format!("--client-ca-file={}", self.file("ca.pem")),
            "--service-account-issuer=https://kubernetes.default.svc".to_owned(),
            format!(
                "--service-account-signing-key-file={}",
                self.file("token.key")
            ),
            format!("--service-account-key-file={}", self.file("token.pem")),
            "--service-cluster-ip-range=10.96.0.0/16".to_owned(),
            "--endpoint-reconciler-type=none".to_owned(),
            "--authorization-mode=RBAC".to_owned(),
            "--profiling=false".to_owned(),
            format!("--audit-policy-file={}", self.file("audit-policy.yaml")),
            format!("--audit-log-path={}", self.audit_path().display()),
            "--audit-log-mode=blocking".to_owned(),
            "--audit-log-maxsize=100000".to_owned(), // MB: never rotated
        ]);
        args
    }

    /// Node lifecycle stays on: it takes the not-ready taint off the node.
    fn controller_manager_args(&self) -> Result<Vec<String>, Error> {
        let kubeconfig = self.component("kube-controller-manager")?;
        Ok(vec![
            format!("--kubeconfig={kubeconfig}"),
            "--secure-port=0".to_owned(),
            "--leader-elect=false".to_owned(),
            "--use-service-account-credentials=true".to_owned(),
            format!("--service-account-private-key-file={}", self.file("token.key")),
            format!("--root-ca-file={}", self.file("ca.pem")),
            "--controllers=*,-node-ipam-controller,-cloud-node-lifecycle-controller,-service-lb-controller,-node-route-controller".to_owned(),
            // KWOK's heartbeats come late on a busy machine; a node that nobody stops does not get lost.
            "--node-monitor-grace-period=30m".to_owned(),
            "--kube-api-qps=200".to_owned(),
            "--kube-api-burst=400".to_owned(),
        ])
    }

    fn scheduler_args(&self) -> Result<Vec<String>, Error> {
        let kubeconfig = self.component("kube-scheduler")?;
        Ok(vec![
            format!("--kubeconfig={kubeconfig}"),
            "--secure-port=0".to_owned(),
            "--leader-elect=false".to_owned(),
            "--kube-api-qps=200".to_owned(),
            "--kube-api-burst=400".to_owned(),
        ])
    }

    fn kwok_args(&self) -> Result<Vec<String>, Error> {
        let kubeconfig = self.write_certificate("kwok", "kwok", Some("system:masters"))?;
        Ok(vec![
            format!("--kubeconfig={}", kubeconfig.display()),
            format!("--config={}", self.file("stages.yaml")),
            "--manage-all-nodes=true".to_owned(),
            "--node-port=0".to_owned(), // with it goes its server
        ])
    }

    /// A component logs in by the name that the built-in roles are bound to.
    fn component(&self, name: &str) -> Result<String, Error> {
        let path = self.write_certificate(name, &format!("system:{name}"), None)?;
        Ok(path.display().to_string())
    }

    fn write_certificate(
        &self,
        file: &str,
        user: &str,
        group: Option<&str>,
    ) -> Result<std::path::PathBuf, Error> {
        let path = self.folder.join(format!("{file}.kubeconfig"));
        Kubeconfig::with_certificate(&self.authority, &self.options.name, self.port, user, group)?
            .write(&path)?;
        Ok(path)
    }
}

//! Readiness of a cluster: its API server answers, and its controllers have done their first work.

use k8s_openapi::api::core::v1::{Namespace, Node, ServiceAccount};
use kube::api::PostParams;
use stevedore_client::Api;

use super::{ControlPlane, Extent, NODE, Program};
use crate::error::Error;
use crate::etcd::http_get;
use crate::process::log_tail;
use crate::start::{READY_WITHIN, TAIL, await_state};

impl ControlPlane {
    /// Ready, with discovery and with the namespaces that every cluster has.
    #[expect(
        clippy::disallowed_methods,
        reason = "paths of this crate's own, at an API server that it started"
    )]
    pub(super) async fn api_server_answers(&self) -> Result<(), String> {
        let text = |error: kube::Error| error.to_string();
        self.client
            .request_text(http_get("/readyz"))
            .await
            .map_err(text)?;
        self.client.list_api_groups().await.map_err(text)?;
        let namespaces = Api::<Namespace>::all(self.client.clone());
        for name in ["kube-system", "default"] {
            namespaces.get(name).await.map_err(text)?;
        }
        Ok(())
    }

    /// Waits until the controllers have done their first work.
    pub(super) async fn settled(&self) -> Result<(), Error> {
        if self.options.extent >= Extent::Controllers {
            let accounts = Api::<ServiceAccount>::namespaced(self.client.clone(), "default");
            self.awaited(Program::ControllerManager, || async {
                let account = accounts.get("default").await;
                account.map(drop).map_err(|error| error.to_string())
            })
            .await?;
        }
        if self.options.extent >= Extent::Pods {
            let nodes = Api::<Node>::all(self.client.clone());
            self.awaited(Program::Kwok, || async {
                let node = nodes.get(NODE).await.map_err(|error| error.to_string())?;
                node_takes_pods(&node)
            })
            .await?;
        }
        Ok(())
    }

    /// Waits for the work of a program; the error shows the end of its log.
    pub(super) async fn awaited<F, Fut>(&self, program: Program, check: F) -> Result<(), Error>
    where
        F: FnMut() -> Fut,
        Fut: Future<Output = Result<(), String>>,
    {
        let name = format!("{}/{program}", self.options.name);
        let log = self.log_path(program);
        await_state(&name, READY_WITHIN, check)
            .await
            .map_err(|error| Error::NotReady {
                name,
                seconds: READY_WITHIN.as_secs(),
                last: error.to_string(),
                tail: log_tail(&log, TAIL),
                log: log.display().to_string(),
            })
    }

    /// Adds the one node that pods run on.
    pub(super) async fn add_node(&self) -> Result<(), Error> {
        let node = serde_json::from_value(serde_json::json!({
            "metadata": {
                "name": NODE,
                "annotations": {"kwok.x-k8s.io/node": "fake"},
                "labels": {
                    "kubernetes.io/hostname": NODE,
                    "kubernetes.io/os": "linux",
                    "kubernetes.io/arch": "amd64",
                },
            },
        }))
        .expect("a literal node is a node");
        Api::<Node>::all(self.client.clone())
            .create(&PostParams::default(), &node)
            .await
            .map_err(Error::api("creating the fake node"))?;
        Ok(())
    }
}

fn node_takes_pods(node: &Node) -> Result<(), String> {
    let ready = node
        .status
        .iter()
        .flat_map(|status| status.conditions.iter().flatten())
        .any(|condition| condition.type_ == "Ready" && condition.status == "True");
    let taints = node
        .spec
        .iter()
        .flat_map(|spec| spec.taints.iter().flatten())
        .map(|taint| taint.key.as_str());
    match taints.collect::<Vec<_>>() {
        _ if !ready => Err("the node is not ready".to_owned()),
        taints if taints.is_empty() => Ok(()),
        taints => Err(format!("the node has the taints {}", taints.join(", "))),
    }
}

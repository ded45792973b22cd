//! `stevedore cluster join NAME`: an invitation for a cluster, with a single-use token.

use std::collections::BTreeMap;

use anyhow::{Context as _, bail};
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::api::{ObjectMeta, PostParams};
use kube::{Client, Resource as _, ResourceExt as _};
use rand::TryRngCore as _;
use serde::Serialize;
use stevedore_client::Api;
use stevedore_crds::record;
use stevedore_crds::v1alpha1::{MemberCluster, MemberClusterSpec};
use stevedore_proto_core::join::{JoinSecret, JoinToken, MAX_LIFETIME};
use stevedore_proto_core::{ClusterName, Digest};

use crate::deployments::is_connected;
use crate::outcome::Outcome;
use crate::output::{self, Format};
use crate::packages::find;

pub(crate) const EXAMPLES: &str = "\
Examples:
  stevedore cluster join harbour-1 --label region=north > token
  stevedore-agent --kubeconfig harbour-1.kubeconfig --join-token-file token

The token is bound to the name, can be used once and is stored hashed. For a cluster that was
invited but has not joined yet, join makes a new token and the old one ends. So it does for a member
that has no session, such as one that was away for more than a year after its certificate expired:
with the token that very cluster, and no other, joins again under its name.";

#[derive(Debug, clap::Args)]
pub(crate) struct Join {
    /// Name the cluster gets in the fleet
    name: ClusterName,
    /// Label of the cluster, for placement; may be repeated
    #[arg(short, long = "label", value_name = "KEY=VALUE", value_parser = crate::label::parse)]
    labels: Vec<(String, String)>,
    /// How long the token can be used, at most 24h
    #[arg(long, value_name = "DURATION", default_value = "1h", value_parser = lifetime)]
    lifetime: SignedDuration,
    /// Form of the output; as a table the bare token
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
}

/// An invited cluster, and what its agent needs.
#[derive(Serialize)]
pub(crate) struct Invitation {
    cluster: String,
    /// The join token, as `--join-token-file` takes it.
    pub(crate) token: String,
    expires: Timestamp,
}

fn lifetime(text: &str) -> Result<SignedDuration, String> {
    let lifetime: SignedDuration = text
        .parse()
        .map_err(|error| format!("{error}; write for example 30m or 2h"))?;
    let most = i64::try_from(MAX_LIFETIME).expect("a day in seconds");
    if (1..=most).contains(&lifetime.as_secs()) {
        Ok(lifetime)
    } else {
        Err("a token lives at least a second and at most 24h".into())
    }
}

impl Join {
    /// Invites a cluster from a program: with these labels, and a token of an hour.
    pub(crate) fn invitation(name: ClusterName, labels: Vec<(String, String)>) -> Self {
        Self {
            name,
            labels,
            lifetime: SignedDuration::from_hours(1),
            output: Format::default(),
        }
    }

    pub(crate) async fn run(self, client: Client, namespace: &str) -> anyhow::Result<Outcome> {
        let invitation = self.invite(client, namespace).await?;
        match self.output {
            Format::Json | Format::Yaml => output::object(self.output, &invitation)?,
            Format::Table | Format::Name => output::line(&invitation.token)?,
        }
        if output::is_watched() {
            eprintln!(
                "\nGive this token to the agent of {} within {:#}:\n  stevedore-agent --join-token-file FILE",
                self.name, self.lifetime
            );
        }
        Ok(Outcome::Done)
    }

    /// Creates the MemberCluster, if need be, and a token for it.
    pub(crate) async fn invite(
        &self,
        client: Client,
        namespace: &str,
    ) -> anyhow::Result<Invitation> {
        let (addresses, ca) = hub(&client, namespace).await?;
        let cluster = self.cluster(&Api::all(client.clone())).await?;
        let token = JoinToken {
            cluster: self.name.clone(),
            secret: JoinSecret::from_bytes(random()?),
            ca,
            addresses,
        };
        let expires = Timestamp::now().saturating_add(self.lifetime)?;
        self.store(
            &Api::namespaced(client, namespace),
            &cluster,
            &token,
            expires,
        )
        .await?;
        Ok(Invitation {
            cluster: self.name.to_string(),
            token: token.to_string(),
            expires,
        })
    }

    /// The MemberCluster of the name, created if there is none.
    async fn cluster(&self, api: &Api<MemberCluster>) -> anyhow::Result<MemberCluster> {
        let name = &self.name;
        if let Some(found) = find(api, name).await? {
            if found.spec.cluster_uid.is_some() && is_connected(&found) {
                bail!(
                    "cluster {name} has joined already; to join another one under this name, remove it first: stevedore cluster remove {name}"
                );
            }
            if !self.labels.is_empty() {
                bail!(
                    "cluster {name} was invited before; change its labels with: kubectl label membercluster {name} KEY=VALUE"
                );
            }
            return Ok(found);
        }
        let mut cluster = MemberCluster::new(name, MemberClusterSpec::default());
        cluster.metadata.labels = Some(self.labels.iter().cloned().collect())
            .filter(|labels: &BTreeMap<_, _>| !labels.is_empty());
        api.create(&PostParams::default(), &cluster)
            .await
            .with_context(|| format!("cannot create member cluster {name}"))
    }

    /// Stores the token hashed, in place of an earlier one. It is owned by the MemberCluster, so
    /// that it goes when the cluster is forgotten.
    async fn store(
        &self,
        api: &Api<Secret>,
        cluster: &MemberCluster,
        token: &JoinToken,
        expires: Timestamp,
    ) -> anyhow::Result<()> {
        let stored = token.stored(Digest::from_bytes(random()?), expires.as_second());
        let name = record::join_token(&self.name);
        let owner = OwnerReference {
            api_version: MemberCluster::api_version(&()).into_owned(),
            kind: MemberCluster::kind(&()).into_owned(),
            name: cluster.name_any(),
            uid: cluster
                .uid()
                .context("the API server gave the member cluster no UID")?,
            ..OwnerReference::default()
        };
        let secret = Secret {
            metadata: ObjectMeta {
                name: Some(name.clone()),
                owner_references: Some(vec![owner]),
                ..ObjectMeta::default()
            },
            type_: Some(record::JOIN_TOKEN_TYPE.into()),
            data: Some(BTreeMap::from([(
                record::JOIN_TOKEN.to_owned(),
                ByteString(serde_json::to_vec(&stored)?),
            )])),
            ..Secret::default()
        };
        match api.create(&PostParams::default(), &secret).await {
            Err(kube::Error::Api(status)) if status.is_already_exists() => {
                let found = api
                    .get(&name)
                    .await
                    .context("cannot read the earlier join token")?;
                let mut replaced = secret;
                replaced.metadata.resource_version = found.metadata.resource_version;
                api.replace(&name, &PostParams::default(), &replaced)
                    .await
                    .context("cannot replace the earlier join token; try again")?;
            }
            created => {
                created.with_context(|| {
                    format!(
                        "cannot store the join token in namespace {}",
                        api.namespace().unwrap_or_default()
                    )
                })?;
            }
        }
        Ok(())
    }
}

/// How agents reach the hub and which CA they must find there, as the hub publishes it.
async fn hub(client: &Client, namespace: &str) -> anyhow::Result<(Vec<String>, Digest)> {
    let api: Api<ConfigMap> = Api::namespaced(client.clone(), namespace);
    let found = api
        .get_opt(record::HUB)
        .await
        .context("cannot read how the hub is reached")?;
    let data = found.and_then(|map| map.data).with_context(|| {
        format!(
            "no hub has started here yet: there is no ConfigMap {namespace}/{}; is this the hub's cluster? Name it with --kubeconfig or --context",
            record::HUB
        )
    })?;
    let value = |key: &str| {
        data.get(key).with_context(|| {
            format!(
                "ConfigMap {namespace}/{} has no key {key}; is the hub of another version?",
                record::HUB
            )
        })
    };
    let addresses = value(record::HUB_ADDRESSES)?
        .split(',')
        .map(str::to_owned)
        .collect();
    let ca = value(record::HUB_CA_HASH)?
        .parse()
        .context("the hub published a CA hash that is none")?;
    Ok((addresses, ca))
}

fn random() -> anyhow::Result<[u8; 32]> {
    let mut bytes = [0; 32];
    rand::rngs::OsRng
        .try_fill_bytes(&mut bytes)
        .context("the operating system gives no random numbers")?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lifetimes_are_bounded() {
        assert!(lifetime("30m").is_ok() && lifetime("24h").is_ok());
        assert!(lifetime("24h1s").is_err() && lifetime("0s").is_err() && lifetime("soon").is_err());
    }
}

//! Names of the objects that the hub, the agent and the command line share in their system
//! namespaces, beside the kinds of this group.

/// ConfigMap of the hub that says how to reach it: keys [`HUB_ADDRESSES`], [`HUB_CA`], [`HUB_CA_HASH`].
pub const HUB: &str = "stevedore-hub";
/// Key: addresses that agents dial, `host:port`, comma-separated.
pub const HUB_ADDRESSES: &str = "addresses";
/// Key: the hub's CA certificate, PEM.
pub const HUB_CA: &str = "ca.crt";
/// Key: `sha256:` digest of the CA's SubjectPublicKeyInfo, which join tokens pin.
pub const HUB_CA_HASH: &str = "ca-hash";

/// Secret of the hub with its CA certificate and key.
pub const CA: &str = "stevedore-ca";
/// Secret of the hub with registry credentials, type `kubernetes.io/dockerconfigjson`.
pub const REGISTRY: &str = "stevedore-registry";
/// ConfigMap of the hub with epoch and term.
pub const EPOCH: &str = "stevedore-epoch";
/// ConfigMap of the hub with the census that a raise of the epoch shows first.
pub const CENSUS: &str = "stevedore-census";
/// Lease of the leading hub.
pub const LEASE: &str = "stevedore-hub";

/// Name of the Secret that holds the join token of a cluster.
pub fn join_token(cluster: &str) -> String {
    format!("join-{cluster}")
}

/// Secret type of a join token.
pub const JOIN_TOKEN_TYPE: &str = "stevedore.dev/join-token";
/// Key of a join token's Secret: the stored token as JSON.
pub const JOIN_TOKEN: &str = "token";
/// Key of a join token's Secret: who used it, as UIDs of the cluster and of its `MemberCluster`, `a/b`. The token
/// is spent for everybody else.
pub const JOIN_TOKEN_USED: &str = "used";
/// Annotation of a package: whenever its value changes, a tag whose image cannot be used is looked at again.
pub const PULL_AGAIN: &str = "stevedore.dev/pull-again";
/// Secret type of a part of a package's content on the hub.
pub const CONTENT_TYPE: &str = "stevedore.dev/content";
/// Secret type of the Secret objects of an object set on a member.
pub const OBJECTS_TYPE: &str = "stevedore.dev/objects";

/// Secret of the agent with epoch, terms and finished tombstones.
pub const AGENT_STATE: &str = "stevedore-agent-state";
/// Secret of the agent with its key, certificate and the hub's CA.
pub const AGENT_IDENTITY: &str = "stevedore-agent-identity";
/// Name of the one MemberPolicy.
pub const MEMBER_POLICY: &str = "default";

/// Key of [`EPOCH`]: an operator asks for a census; any new text is a new request.
pub const RAISE_REQUEST: &str = "raiseRequest";
/// Key of [`EPOCH`]: the operator confirms the census that answered the request of this text.
pub const RAISE_CONFIRM: &str = "raiseConfirm";
/// Key of [`CENSUS`]: the request it answers.
pub const CENSUS_REQUEST: &str = "request";
/// Key of [`CENSUS`]: [`RAISE_READY`] or [`RAISE_DONE`].
pub const CENSUS_STATE: &str = "state";
/// Key of [`CENSUS`]: the findings as JSON.
pub const CENSUS_FINDINGS: &str = "census";
/// State of a census that waits to be confirmed.
pub const RAISE_READY: &str = "Ready";
/// State of a census whose epoch was raised.
pub const RAISE_DONE: &str = "Raised";

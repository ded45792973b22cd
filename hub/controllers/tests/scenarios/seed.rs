//! Objects that are there before the hub starts, and changes that people and other hubs make to them.

use k8s_openapi::ByteString;
use serde_json::{Value, json};
use stevedore_crds::record;
use stevedore_proto_core::join::{JoinSecret, JoinToken};
use stevedore_proto_core::{ClusterUid, Digest};

use super::api_server::ApiServer;

/// The hub's system namespace.
pub(crate) const SYSTEM: &str = "stevedore-system";

/// UID of a cluster that is no hub.
pub(crate) fn cluster(number: u8) -> ClusterUid {
    ClusterUid::from_bytes([number; 16])
}

/// A cluster in which the hub was just installed.
pub(crate) fn install(api: &ApiServer) {
    api.change(|objects| {
        let kube_system = json!({"metadata": {"name": "kube-system"}});
        objects.make("namespaces", kube_system);
        for plural in ["packages", "clusterpackages"] {
            let name = format!("{plural}.stevedore.dev");
            let definition = json!({"metadata": {"name": name}, "spec": {
                "group": "stevedore.dev", "scope": "Cluster", "versions": [],
                "names": {"kind": "Kind", "plural": plural},
            }});
            objects.make("customresourcedefinitions", definition);
        }
    });
}

/// A member that has joined. Gives the UID of its `MemberCluster`.
pub(crate) fn member(api: &ApiServer, name: &str, cluster: ClusterUid) -> String {
    let member = json!({
        "metadata": {"name": name, "labels": {"name": name}},
        "spec": {"clusterUID": cluster.to_string()},
    });
    api.change(|objects| objects.make("memberclusters", member))
}

/// A cluster package that goes to every member. Gives its UID.
pub(crate) fn package(api: &ApiServer, name: &str, image: &str) -> String {
    let package = json!({
        "metadata": {"name": name},
        "spec": {"image": image, "placement": {"clusterSelector": {}}},
    });
    api.change(|objects| objects.make("clusterpackages", package))
}

/// Names another image.
pub(crate) fn set_image(api: &ApiServer, name: &str, image: &str) {
    api.change(|objects| {
        objects.edit("clusterpackages", name, |package| {
            package["spec"]["image"] = image.into();
        });
    });
}

/// Changes a field of an object's spec.
pub(crate) fn set(api: &ApiServer, plural: &str, name: &str, field: &str, value: Value) {
    api.change(|objects| objects.edit(plural, name, |object| object["spec"][field] = value));
}

/// An action on a cluster package.
pub(crate) fn action(
    api: &ApiServer,
    name: &str,
    package: &str,
    verb: &str,
    revision: Option<u64>,
) {
    action_on(api, name, package, verb, revision, None);
}

fn action_on(
    api: &ApiServer,
    name: &str,
    package: &str,
    verb: &str,
    revision: Option<u64>,
    wave: Option<&str>,
) {
    let mut spec = json!({
        "package": {"kind": "ClusterPackage", "name": package},
        "verb": verb,
        "requestedBy": "someone",
    });
    if let Some(revision) = revision {
        spec["revision"] = revision.into();
    }
    if let Some(wave) = wave {
        spec["wave"] = wave.into();
    }
    let action = json!({"metadata": {"name": name, "namespace": SYSTEM}, "spec": spec});
    api.change(|objects| objects.make("packageactions", action));
}

/// An approval of a wave of a cluster package.
pub(crate) fn approval(api: &ApiServer, name: &str, package: &str, wave: &str, revision: u64) {
    action_on(api, name, package, "Approve", Some(revision), Some(wave));
}

pub(crate) fn delete(api: &ApiServer, plural: &str, name: &str) {
    api.change(|objects| objects.delete_as_person(plural, name));
}

/// An invitation: a `MemberCluster` that nobody joined, and its token. Gives the UID of the former.
pub(crate) fn invitation(api: &ApiServer, name: &str, secret: &JoinSecret, expires: i64) -> String {
    let token = JoinToken {
        cluster: name.parse().unwrap(),
        secret: secret.clone(),
        ca: Digest::of(b"ca"),
        addresses: vec!["hub.example:443".to_owned()],
    };
    let stored = serde_json::to_vec(&token.stored(Digest::of(b"salt"), expires)).unwrap();
    let secret = json!({
        "metadata": {"name": record::join_token(name), "namespace": SYSTEM},
        "type": record::JOIN_TOKEN_TYPE,
        "data": {record::JOIN_TOKEN: ByteString(stored)},
    });
    api.change(|objects| {
        objects.make("secrets", secret);
        let member = json!({"metadata": {"name": name}, "spec": {}});
        objects.make("memberclusters", member)
    })
}

/// The same token as if it were another one that nobody used.
pub(crate) fn invite_again(api: &ApiServer, name: &str) {
    api.change(|objects| {
        objects.edit("secrets", &record::join_token(name), |secret| {
            let data = secret["data"].as_object_mut();
            data.and_then(|data| data.remove(record::JOIN_TOKEN_USED));
        });
    });
}

/// Writes into the ConfigMap with the epoch, as an operator does who raises it.
pub(crate) fn ask_for_raise(api: &ApiServer, key: &str, request: &str) {
    api.change(|objects| {
        objects.edit("configmaps", record::EPOCH, |map| {
            map["data"][key] = request.into();
        });
    });
}

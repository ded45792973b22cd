//! An API server for tests: remembers every request and answers by a function.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::Secret;
use kube::client::Body;
use kube::{Client, ResourceExt as _};
use parking_lot::Mutex;
use serde_json::{Value, json};
use stevedore_crds::record;
use stevedore_crds::v1alpha1::{
    PackageKind, PackageReference, PackageRevision, PackageRevisionSpec,
};
use stevedore_hub_core::epoch::Record;
use stevedore_hub_core::ledger::{Ordered, PackageIdentity};
use stevedore_hub_core::provenance;
use stevedore_proto_core::id::{EpochId, TermId};
use stevedore_proto_core::{Digest, Features, PackageUid};
use tokio::time::Instant;

use crate::hub::{Hub, Settings};
use crate::package::registry;
use crate::package::revisions::FINALIZER;

/// Namespace of the hub in tests.
pub(crate) const SYSTEM: &str = "stevedore-system";

/// One request.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Request {
    /// Verb and path without the query, such as `GET /api/v1/namespaces/a/secrets`.
    pub(crate) what: String,
    pub(crate) query: String,
    /// `null` where there is none.
    pub(crate) body: Value,
}

/// Every request so far, the one for the hub's own cluster left out.
#[derive(Debug, Clone, Default)]
pub(crate) struct Requests(Arc<Mutex<Vec<Request>>>);

impl Requests {
    /// Those that begin with this, such as `DELETE`.
    pub(crate) fn of(&self, verb: &str) -> Vec<Request> {
        let all = self.0.lock();
        let found = all.iter().filter(|one| one.what.starts_with(verb));
        found.cloned().collect()
    }
}

/// A hub that leads, and whose API server answers so: a status code and an object.
pub(crate) async fn hub(
    answer: impl Fn(&Request) -> (u16, Value) + Send + Sync + 'static,
) -> (Arc<Hub>, Requests) {
    let requests = Requests::default();
    let (seen, answer) = (requests.clone(), Arc::new(answer));
    let service = tower::service_fn(move |request: http::Request<Body>| {
        let (seen, answer) = (seen.clone(), Arc::clone(&answer));
        async move {
            let (parts, body) = request.into_parts();
            let body = body.collect_bytes().await.expect("a body in memory");
            let request = Request {
                what: format!("{} {}", parts.method, parts.uri.path()),
                query: parts.uri.query().unwrap_or_default().to_owned(),
                body: serde_json::from_slice(&body).unwrap_or_default(),
            };
            let (code, object) = if request.what == "GET /api/v1/namespaces/kube-system" {
                let uid = "11111111-1111-1111-1111-111111111111";
                (
                    200,
                    json!({"metadata": {"name": "kube-system", "uid": uid}}),
                )
            } else {
                seen.0.lock().push(request.clone());
                answer(&request)
            };
            let response = http::Response::builder().status(code);
            let response = response.body(Body::from(object.to_string().into_bytes()));
            Ok::<_, Infallible>(response.expect("a response"))
        }
    });
    let settings = Settings {
        clock: jiff::Timestamp::now,
        namespace: SYSTEM.to_owned(),
        registry: registry::Settings::default(),
        registry_hosts: Default::default(),
        image_prefixes: Default::default(),
        holder: "test".to_owned(),
    };
    let hub = Hub::new(Client::new(service, "default"), settings).await;
    let hub = hub.expect("the hub's own cluster has a UID");
    let (epoch, term) = (EpochId::from_bytes([1; 16]), TermId::from_bytes([1; 16]));
    hub.leader()
        .set_record(Record::take_term(None, epoch, term));
    hub.leader()
        .believe_until(Instant::now() + Duration::from_secs(3600));
    (hub, requests)
}

/// A refusal.
pub(crate) fn status(code: u16, reason: &str) -> (u16, Value) {
    let object = json!({
        "kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "reason": reason,
        "message": reason,
    });
    (code, object)
}

/// What an API server answers about an object that is not there.
pub(crate) fn missing(name: &str) -> (u16, Value) {
    let (code, mut object) = status(404, "NotFound");
    object["details"] = json!({"name": name});
    (code, object)
}

/// A Secret that holds these bytes as content does.
pub(crate) fn content(bytes: &[u8]) -> Secret {
    let name = provenance::content_name(&Digest::of(bytes));
    let value = json!({
        "metadata": {
            "name": name, "namespace": SYSTEM, "uid": format!("uid of {name}"), "resourceVersion": "7",
            "creationTimestamp": "2026-01-01T00:00:00Z",
        },
        "type": record::CONTENT_TYPE,
        "data": {"part": k8s_openapi::ByteString(bytes.to_owned())},
    });
    serde_json::from_value(value).expect("a Secret")
}

/// A revision as the hub makes it, of a `ClusterPackage` or of a `Package` in a namespace.
pub(crate) fn revision(
    package: &PackageIdentity,
    number: u64,
    secrets: &[&Secret],
) -> PackageRevision {
    let name = package.record_name(number);
    let spec = PackageRevisionSpec {
        package: reference(package),
        number: i64::try_from(number).expect("a small number"),
        image: format!("registry.example/{}:{number}", package.name),
        image_digest: Digest::of(b"image").to_string(),
        content_digest: Digest::of(b"files").to_string(),
        content_secrets: secrets.iter().map(|secret| secret.name_any()).collect(),
        ..PackageRevisionSpec::default()
    };
    let mut revision = PackageRevision::new(&name, spec);
    revision.metadata.namespace = Some(package.record_namespace(SYSTEM).to_owned());
    revision.metadata.uid = Some(format!("uid of {name}"));
    revision.metadata.resource_version = Some("1".to_owned());
    revision.metadata.finalizers = Some(vec![FINALIZER.to_owned()]);
    revision
}

/// How records name a package.
pub(crate) fn reference(package: &PackageIdentity) -> PackageReference {
    PackageReference {
        kind: match package.namespace {
            Some(_) => PackageKind::Package,
            None => PackageKind::ClusterPackage,
        },
        namespace: package.namespace.clone(),
        name: package.name.clone(),
        uid: package.uid.to_string(),
    }
}

/// Revision 1 as a row orders it.
pub(crate) fn ordered() -> Ordered {
    Ordered {
        revision: 1,
        input: Digest::of(b"input"),
        content: Digest::of(b"content"),
        size: 7,
        needs: Features::NONE,
        account: None,
        paused: false,
    }
}

/// A package named `fleet`.
pub(crate) fn fleet(namespace: Option<&str>) -> PackageIdentity {
    PackageIdentity {
        uid: PackageUid::from_bytes([0xab; 16]),
        namespace: namespace.map(str::to_owned),
        name: "fleet".to_owned(),
    }
}

/// What an API server with these Secrets answers to requests about them; `None` about anything else. Nothing
/// changes what it has.
pub(crate) fn secrets(stored: &[Secret], request: &Request) -> Option<(u16, Value)> {
    let (verb, path) = request.what.split_once(' ')?;
    let rest = path.strip_prefix(&format!("/api/v1/namespaces/{SYSTEM}/secrets"))?;
    let named = |name: &str| stored.iter().find(|secret| secret.name_any() == name);
    let name = rest.strip_prefix('/');
    Some(match (verb, name) {
        ("GET", None) => {
            let query = request.query.replace("%3D", "=").replace("%2F", "/");
            let query = query.replace("%2C", ",");
            let wanted = |key: &str| {
                let (_, value) = query.split_once(&format!("{key}="))?;
                value.split([',', '&']).next().map(str::to_owned)
            };
            let (kind, name) = (wanted("type"), wanted("metadata.name"));
            let fits = |secret: &&Secret| {
                (kind.is_none() || secret.type_ == kind)
                    && name.as_ref().is_none_or(|name| secret.name_any() == *name)
            };
            let found = stored.iter().filter(fits);
            let items: Vec<_> = found.map(|one| json!({"metadata": one.metadata})).collect();
            (200, json!({"metadata": {}, "items": items}))
        }
        ("GET", Some(name)) => match named(name) {
            Some(secret) => (200, json!(secret)),
            None => missing(name),
        },
        ("POST", None) => {
            let name = request.body["metadata"]["name"].as_str()?;
            match named(name) {
                Some(_) => status(409, "AlreadyExists"),
                None => (201, request.body.clone()),
            }
        }
        ("DELETE", Some(_)) => (200, json!({"kind": "Status", "status": "Success"})),
        _ => return None,
    })
}

//! The leaving out of what a live object has from its cluster: what the API server and its controllers wrote into it
//! says nothing on another one, or keeps it from being made there.

use serde_json::{Map, Value};

/// Annotations that kubectl and controllers write, by their name or by what it begins with.
const ANNOTATIONS: &[&str] = &[
    "kubectl.kubernetes.io/last-applied-configuration",
    "deployment.kubernetes.io/",
    "pv.kubernetes.io/",
    "volume.kubernetes.io/selected-node",
    "volume.beta.kubernetes.io/storage-provisioner",
    "volume.kubernetes.io/storage-provisioner",
    "batch.kubernetes.io/job-tracking",
    "endpoints.kubernetes.io/last-change-trigger-time",
];
/// Finalizers that Kubernetes' own controllers put there.
const FINALIZERS: &[&str] = &[
    "kubernetes.io/",
    "foregroundDeletion",
    "orphan",
    "service.kubernetes.io/",
];
/// Labels that the Job controller gives to a Job and its pods.
const JOB_LABELS: &[&str] = &[
    "controller-uid",
    "job-name",
    "batch.kubernetes.io/controller-uid",
    "batch.kubernetes.io/job-name",
];

/// Leaves it out of an object of this group and kind.
pub(super) fn clean(group: &str, kind: &str, object: &mut Map<String, Value>) {
    object.remove("status");
    if let Some(metadata) = map(object.get_mut("metadata")) {
        of_metadata(metadata);
    }
    match (group, kind) {
        ("", "Service") => of_service(object),
        ("", "PersistentVolumeClaim") => remove(object.get_mut("spec"), &["volumeName"]),
        ("", "Namespace") => remove(object.get_mut("spec"), &["finalizers"]),
        ("", "ServiceAccount") => {
            object.remove("secrets");
        }
        ("batch", "Job") => of_job(object),
        _ => {}
    }
    let is_empty = |spec: &Value| spec.as_object().is_some_and(Map::is_empty);
    if kind == "Namespace" && object.get("spec").is_some_and(is_empty) {
        object.remove("spec");
    }
}

/// Whether an object is only there because a controller made it: it makes another one on every cluster.
pub(super) fn is_made_by_a_controller(
    group: &str,
    kind: &str,
    object: &Map<String, Value>,
) -> bool {
    let name = object.get("metadata").and_then(|it| it.get("name"));
    match (group, kind) {
        ("", "Secret") => object
            .get("type")
            .is_some_and(|it| it == "kubernetes.io/service-account-token"),
        ("", "ServiceAccount") => name.is_some_and(|it| it == "default"),
        ("", "ConfigMap") => name.is_some_and(|it| it == "kube-root-ca.crt"),
        _ => false,
    }
}

fn map(value: Option<&mut Value>) -> Option<&mut Map<String, Value>> {
    value.and_then(Value::as_object_mut)
}

fn remove(value: Option<&mut Value>, fields: &[&str]) {
    if let Some(map) = map(value) {
        map.retain(|field, _| !fields.contains(&field.as_str()));
    }
}

fn of_metadata(metadata: &mut Map<String, Value>) {
    if let Some(annotations) = map(metadata.get_mut("annotations")) {
        annotations.retain(|key, _| !ANNOTATIONS.iter().any(|it| key.starts_with(it)));
        if annotations.is_empty() {
            metadata.remove("annotations");
        }
    }
    if let Some(Value::Array(finalizers)) = metadata.get_mut("finalizers") {
        let is_own = |it: &Value| {
            let name = it.as_str().unwrap_or_default();
            FINALIZERS.iter().any(|own| name.starts_with(own))
        };
        finalizers.retain(|it| !is_own(it));
        if finalizers.is_empty() {
            metadata.remove("finalizers");
        }
    }
}

/// Addresses and ports that were given out; `None` for a headless one is the author's.
fn of_service(object: &mut Map<String, Value>) {
    let Some(spec) = map(object.get_mut("spec")) else {
        return;
    };
    if spec.get("clusterIP").is_some_and(|it| it != "None") {
        spec.remove("clusterIP");
        spec.remove("clusterIPs");
    }
    spec.remove("healthCheckNodePort");
    for port in spec
        .get_mut("ports")
        .and_then(Value::as_array_mut)
        .into_iter()
        .flatten()
    {
        remove(Some(port), &["nodePort"]);
    }
}

/// The selector that the controller made, unless it is the author's, and the labels that belong to it.
fn of_job(object: &mut Map<String, Value>) {
    remove(
        object
            .get_mut("metadata")
            .and_then(|it| it.get_mut("labels")),
        JOB_LABELS,
    );
    let Some(spec) = map(object.get_mut("spec")) else {
        return;
    };
    if spec.get("manualSelector") == Some(&Value::Bool(true)) {
        return;
    }
    spec.remove("selector");
    let template = spec
        .get_mut("template")
        .and_then(|it| it.get_mut("metadata"));
    remove(template.and_then(|it| it.get_mut("labels")), JOB_LABELS);
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn cleaned(group: &str, kind: &str, object: Value) -> Value {
        let Value::Object(mut object) = object else {
            panic!("an object");
        };
        clean(group, kind, &mut object);
        Value::Object(object)
    }

    #[test]
    fn what_a_cluster_gave_out_is_left_out_and_what_the_author_said_stays() {
        let service = json!({
            "metadata": {"annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{}"},
                "finalizers": ["service.kubernetes.io/load-balancer-cleanup", "example.org/mine"]},
            "spec": {"clusterIP": "10.0.0.1", "clusterIPs": ["10.0.0.1"], "healthCheckNodePort": 30001,
                "ports": [{"port": 80, "nodePort": 30000}], "type": "NodePort"},
            "status": {},
        });
        let expected = json!({
            "metadata": {"finalizers": ["example.org/mine"]},
            "spec": {"ports": [{"port": 80}], "type": "NodePort"},
        });
        assert_eq!(cleaned("", "Service", service), expected);
        let headless = json!({"spec": {"clusterIP": "None", "clusterIPs": ["None"]}});
        assert_eq!(cleaned("", "Service", headless.clone()), headless);
        let claim = json!({
            "metadata": {"annotations": {"pv.kubernetes.io/bind-completed": "yes", "mine": "a"},
                "finalizers": ["kubernetes.io/pvc-protection"]},
            "spec": {"volumeName": "pvc-1", "storageClassName": "fast"},
        });
        let expected = json!({
            "metadata": {"annotations": {"mine": "a"}}, "spec": {"storageClassName": "fast"},
        });
        assert_eq!(cleaned("", "PersistentVolumeClaim", claim), expected);
        let namespace = json!({"metadata": {"name": "a"}, "spec": {"finalizers": ["kubernetes"]}});
        assert_eq!(
            cleaned("", "Namespace", namespace),
            json!({"metadata": {"name": "a"}})
        );
        let other = json!({"spec": {"clusterIP": "a", "volumeName": "b", "finalizers": ["c"]}});
        assert_eq!(cleaned("example.org", "Service", other.clone()), other);
    }

    #[test]
    fn a_job_gets_another_selector_unless_it_is_the_authors() {
        let labels =
            json!({"batch.kubernetes.io/controller-uid": "1", "job-name": "a", "app": "x"});
        let job = |manual: bool| {
            json!({"metadata": {"labels": labels}, "spec": {
                "manualSelector": manual, "selector": {"matchLabels": {"controller-uid": "1"}},
                "template": {"metadata": {"labels": labels}},
            }})
        };
        let expected = json!({"metadata": {"labels": {"app": "x"}}, "spec": {
            "manualSelector": false, "template": {"metadata": {"labels": {"app": "x"}}},
        }});
        assert_eq!(cleaned("batch", "Job", job(false)), expected);
        let manual = cleaned("batch", "Job", job(true));
        assert_eq!(manual["spec"], job(true)["spec"]);
    }

    #[test]
    fn what_controllers_make_on_every_cluster_is_no_part_of_a_package() {
        let is = |kind: &str, object: Value| {
            is_made_by_a_controller("", kind, object.as_object().unwrap())
        };
        assert!(is(
            "Secret",
            json!({"type": "kubernetes.io/service-account-token"})
        ));
        assert!(is(
            "ServiceAccount",
            json!({"metadata": {"name": "default"}})
        ));
        assert!(is(
            "ConfigMap",
            json!({"metadata": {"name": "kube-root-ca.crt"}})
        ));
        assert!(!is("Secret", json!({"type": "Opaque"})));
        assert!(!is("ConfigMap", json!({"metadata": {"name": "default"}})));
    }
}

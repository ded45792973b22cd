use super::*;
use crate::package::Package;

const MANIFESTS: &str = "apiVersion: v1
kind: Namespace
metadata: {name: shop}
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  namespace: shop
  uid: 3f
  resourceVersion: '7'
  annotations: {kubectl.kubernetes.io/last-applied-configuration: '{}', kept: 'yes'}
spec: {replicas: 2}
status: {replicas: 2}
---
apiVersion: v1
kind: List
items:
- {apiVersion: example.org/v1, kind: Thing, metadata: {name: thing, namespace: shop}}
- {apiVersion: v1, kind: Pod, metadata: {name: one, namespace: shop}}
---
# Nothing.
";

fn of(text: &str) -> Result<Kickstart, Invalid> {
    kickstart("shop", &[("all.yaml".to_owned(), text.as_bytes().to_vec())])
}

fn text<'k>(kickstart: &'k Kickstart, path: &str) -> &'k str {
    let bytes = kickstart.files.get(path);
    let bytes = bytes.unwrap_or_else(|| panic!("no {path} in {:?}", kickstart.files));
    std::str::from_utf8(bytes).unwrap()
}

#[test]
fn plain_manifests_become_a_package_that_validates() {
    let kickstart = of(MANIFESTS).unwrap();
    let phases = [("namespaces", 1), ("deploy", 2), ("other", 1)];
    assert_eq!(
        kickstart.phases,
        phases.map(|(name, count)| (name.to_owned(), count))
    );
    assert_eq!(kickstart.without_probe, ["Pod", "Thing.example.org"]);
    let package = Package::load(kickstart.files.clone()).unwrap();
    assert_eq!(package.manifest().scopes, [Scope::Cluster]);
    assert_eq!(package.manifest().availability_probes.len(), 1);
    let validated = package.check().unwrap();
    assert!(validated.not_rendered.is_empty());
}

#[test]
fn an_integer_that_no_float_holds_stays_as_it_is() {
    let thing = "{apiVersion: example.org/v1, kind: Thing, metadata: {name: a}, spec: {size: 9007199254740993}}";
    let kickstart = of(thing).unwrap();
    let package = Package::load(kickstart.files.clone()).unwrap();
    let mut paths = kickstart.files.iter().map(|(path, _)| path);
    let path = paths.find(|path| *path != "manifest.yaml").unwrap();
    let text = text(&kickstart, path);
    assert!(text.contains("size: 9007199254740993\n"), "{path}: {text}");
    package.check().unwrap();
}

#[test]
fn what_only_a_live_object_has_is_left_out() {
    let kickstart = of(MANIFESTS).unwrap();
    assert_eq!(
        text(&kickstart, "deploy/web.deployment.yaml"),
        "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  annotations:\n    kept: \"yes\"\n    \
         package-operator.run/phase: deploy\n  name: web\n  namespace: shop\nspec:\n  replicas: 2\n"
    );
}

#[test]
fn objects_without_a_namespace_make_a_package_for_namespaces_and_a_mixture_is_refused() {
    let map =
        |metadata: &str| format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {metadata}\n---\n");
    let free = of(&map("{name: one}")).unwrap();
    let package = Package::load(free.files).unwrap();
    assert_eq!(package.manifest().scopes, [Scope::Namespaced]);
    package.check().unwrap();
    let mixed = of(&(map("{name: one}") + &map("{name: two, namespace: shop}"))).unwrap_err();
    let violation = &mixed.violations()[0];
    assert_eq!(violation.reason, Reason::ScopeUnsupported);
    assert!(
        violation.details.contains("\"one\" has no namespace"),
        "{violation}"
    );
}

#[test]
fn two_objects_of_one_name_in_two_namespaces_have_two_files_and_one_that_is_there_twice_is_refused()
{
    let map = |namespace: &str| {
        format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: one, namespace: {namespace}}}\n---\n"
        )
    };
    let two = of(&(map("a") + &map("b"))).unwrap();
    assert_eq!(two.files.len(), 3);
    text(&two, "deploy/one-2.configmap.yaml");
    let twice = of(&(map("a") + &map("b") + &map("b"))).unwrap_err();
    assert_eq!(twice.violations()[0].reason, Reason::Duplicate);
}

#[test]
fn every_fault_of_the_manifests_is_named_with_its_file_and_document() {
    let faults =
        of("kind: ConfigMap\n---\napiVersion: v1\nkind: ConfigMap\n---\n- 1\n").unwrap_err();
    let found: Vec<_> = faults
        .violations()
        .iter()
        .map(|it| (it.reason, it.index))
        .collect();
    assert_eq!(
        found,
        [
            (Reason::GvkNotSet, Some(0)),
            (Reason::MetadataInvalid, Some(1)),
            (Reason::GvkNotSet, Some(2)),
        ]
    );
    assert_eq!(
        of("").unwrap_err().violations()[0].reason,
        Reason::ManifestInvalid
    );
    let named = kickstart("no name", &[]).unwrap_err();
    assert_eq!(named.violations()[0].reason, Reason::ManifestInvalid);
}

#[test]
fn every_preset_kind_has_a_probe_or_is_ready_at_once_but_those_that_are_named() {
    for (group, kind, lacks) in [
        ("apps", "StatefulSet", false),
        ("apiextensions.k8s.io", "CustomResourceDefinition", false),
        ("", "Secret", false),
        ("discovery.k8s.io", "EndpointSlice", false),
        ("", "Pod", true),
        ("example.org", "Secret", true),
    ] {
        assert_eq!(presets::lacks_probe(group, kind), lacks, "{group} {kind}");
    }
}

#[test]
fn the_example_validates_in_either_scope_and_has_a_name_that_objects_can_have() {
    for scope in [Scope::Cluster, Scope::Namespaced] {
        for name in ["lamp", "lamp-2", "10"] {
            let package = Package::load(example(name, scope).unwrap()).unwrap();
            assert_eq!(package.manifest().name, name);
            package
                .check()
                .unwrap_or_else(|invalid| panic!("{name} {scope:?}: {invalid}"));
        }
        for name in ["a b", "1.0", "Lamp", "lamp-", ""] {
            assert!(example(name, scope).is_err(), "{name:?}");
        }
    }
}

#[test]
fn an_object_with_items_is_no_list_and_two_groups_may_have_one_kind() {
    let cluster = |group: &str| {
        format!(
            "apiVersion: {group}/v1\nkind: Cluster\nmetadata: {{name: main, namespace: a, generateName: m}}\n\
             items: [1]\n---\n"
        )
    };
    let allowed = "apiVersion: a.example/v1\nkind: AllowList\nmetadata: {name: l, namespace: a}\nitems: [2]\n";
    let both = of(&(cluster("a.example") + &cluster("b.example") + allowed)).unwrap();
    assert_eq!(both.files.len(), 4);
    for (path, items) in [
        ("other/main.cluster.yaml", "items:\n- 1\n"),
        ("other/main-2.cluster.yaml", "items:\n- 1\n"),
        ("other/l.allowlist.yaml", "items:\n- 2\n"),
    ] {
        let text = text(&both, path);
        assert!(
            text.contains(items) && !text.contains("generateName"),
            "{text}"
        );
    }
    Package::load(both.files).unwrap().check().unwrap();
}

/// Whether an object passes the probes of its kind, or what it cannot say yet.
fn is_ready(group: &str, kind: &str, object: &Value) -> bool {
    let probes = presets::probes(group, kind).unwrap_or_else(|| json!([]));
    probes.as_array().unwrap().iter().all(|probe| {
        if let Some(rule) = probe["cel"]["rule"].as_str() {
            let rule = stevedore_cel::Program::compile_condition(rule, &["self"]).unwrap();
            return rule.eval_bool(&[("self", object)]).unwrap_or(false);
        }
        let wanted = &probe["condition"]["type"];
        let conditions = object["status"]["conditions"].as_array();
        conditions.is_some_and(|all| {
            let mut all = all.iter();
            all.any(|it| it["type"] == *wanted && it["status"] == "True")
        })
    })
}

#[test]
fn nothing_waits_for_what_a_later_phase_brings() {
    assert_eq!(presets::probes("", "PersistentVolumeClaim"), None);
    assert!(!presets::lacks_probe("", "PersistentVolumeClaim"));
}

#[test]
fn workloads_of_no_replica_are_ready_and_new_ones_are_not() {
    let conditions = json!([{"type": "Available", "status": "True"}]);
    for (kind, spec, status) in [
        (
            "Deployment",
            json!({"replicas": 0}),
            json!({"conditions": conditions}),
        ),
        ("ReplicaSet", json!({"replicas": 0}), json!({"replicas": 0})),
        (
            "StatefulSet",
            json!({"replicas": 0, "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}}}),
            json!({"replicas": 0, "availableReplicas": 0, "currentRevision": "a", "updateRevision": "a"}),
        ),
        // No node is one of its own.
        (
            "DaemonSet",
            json!({}),
            json!({"observedGeneration": 1, "desiredNumberScheduled": 0}),
        ),
    ] {
        let ready = json!({"spec": spec, "status": status});
        assert!(is_ready("apps", kind, &ready), "{kind}");
    }
    let spec = json!({"replicas": 2, "updateStrategy": {"type": "RollingUpdate"}});
    let status = json!({"replicas": 0, "desiredNumberScheduled": 0});
    let new = json!({"spec": spec, "status": status});
    for kind in ["Deployment", "ReplicaSet", "StatefulSet", "DaemonSet"] {
        assert!(!is_ready("apps", kind, &new), "{kind}");
        assert!(!is_ready("apps", kind, &json!({"spec": spec})), "{kind}");
    }
}

#[test]
fn a_stateful_set_that_updates_in_part_or_by_hand_keeps_no_phase_waiting() {
    let set = |strategy: Value, updated: u32| {
        json!({
            "spec": {"replicas": 3, "updateStrategy": strategy},
            "status": {
                "replicas": 3, "availableReplicas": 3, "updatedReplicas": updated,
                "currentRevision": "old", "updateRevision": "new",
            },
        })
    };
    let rolling = |partition: u32| json!({"type": "RollingUpdate", "rollingUpdate": {"partition": partition}});
    for (strategy, updated, expected) in [
        (json!({"type": "OnDelete"}), 0, true),
        (rolling(2), 1, true),
        (rolling(2), 0, false),
        (rolling(0), 3, false),
    ] {
        let set = set(strategy, updated);
        assert_eq!(is_ready("apps", "StatefulSet", &set), expected, "{set}");
    }
}

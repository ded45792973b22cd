//! Packages made for one test, and what is ordered of them.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use oci_client::client::{ClientConfig, ClientProtocol};
use oci_client::secrets::RegistryAuth;
use oci_client::{Client, Reference, RegistryOperation};
use serde_json::{Value, json};
use stevedore_package::files::PackageFiles;
use stevedore_package::image::{Image, build};

use crate::api::{condition, create, merge, ours};
use crate::world::{LABEL, World};

/// Passes as soon as somebody annotates the object with `e2e.example/gate: open`.
pub const GATE: &str = r#"
  - selector: {selector: {matchLabels: {e2e.example/gated: "true"}}}
    probes:
    - cel:
        rule: 'has(self.metadata.annotations) && "e2e.example/gate" in self.metadata.annotations && self.metadata.annotations["e2e.example/gate"] == "open"'
        message: the gate is closed
"#;

/// Passes when every replica of a Deployment is of the newest generation and available.
pub const ROLLED_OUT: &str = r#"
  - selector: {kind: {group: apps, kind: Deployment}}
    probes:
    - condition: {type: Available, status: "True"}
    - fieldsEqual: {fieldA: .status.updatedReplicas, fieldB: .spec.replicas}
"#;

/// A package that is being written.
#[derive(Debug, Clone)]
pub struct Draft {
    /// Name of the package, and of its namespace unless it is inside another.
    pub name: String,
    namespace: String,
    /// Namespace of the `Package` on the hub; absent for a `ClusterPackage`.
    tenant: Option<String>,
    phases: Vec<String>,
    probes: String,
    files: BTreeMap<String, String>,
}

impl Draft {
    /// A package of these phases, with nothing in them yet.
    pub fn new(name: &str, phases: &[&str]) -> Self {
        Self {
            name: name.to_owned(),
            namespace: name.to_owned(),
            tenant: None,
            phases: phases.iter().map(|&phase| phase.to_owned()).collect(),
            probes: String::new(),
            files: BTreeMap::new(),
        }
    }

    /// A package of one ConfigMap `NAME-map` with this value, in the namespace `default`.
    pub fn one_map(name: &str, value: &str) -> Self {
        let package = Self::new(name, &["only"]).inside("default");
        package.config_map(&format!("{name}-map"), "only", value)
    }

    /// Its further objects live in this namespace, and not in the one of the package's name.
    pub fn inside(mut self, namespace: &str) -> Self {
        namespace.clone_into(&mut self.namespace);
        self
    }

    /// It is a `Package` in this namespace, and its objects name no namespace.
    pub fn tenant(mut self, namespace: &str) -> Self {
        self.tenant = Some(namespace.to_owned());
        self.inside("")
    }

    /// One more entry of `availabilityProbes`.
    pub fn probe(mut self, entry: &str) -> Self {
        self.probes.push_str(entry.trim_matches('\n'));
        self.probes.push('\n');
        self
    }

    /// One more file, or another text for one there is.
    pub fn file(mut self, path: &str, text: &str) -> Self {
        self.files.insert(path.to_owned(), text.to_owned());
        self
    }

    /// Without this file.
    pub fn without(mut self, path: &str) -> Self {
        self.files.remove(path).expect("a file to leave out");
        self
    }

    /// The namespace of the package's name, in a phase.
    pub fn namespace(self, phase: &str) -> Self {
        let name = self.name.clone();
        self.file(
            "namespace.yaml",
            &object("v1", "Namespace", "", &name, phase, ""),
        )
    }

    /// A ConfigMap `name` with one value, in the package's namespace.
    pub fn config_map(self, name: &str, phase: &str, value: &str) -> Self {
        let namespace = self.namespace.clone();
        let text = object("v1", "ConfigMap", &namespace, name, phase, "");
        self.file(
            &format!("{name}.yaml"),
            &format!("{text}data: {{value: {value:?}}}\n"),
        )
    }

    /// A ConfigMap `name` that waits for its gate, in the package's namespace.
    pub fn gate(self, name: &str, phase: &str) -> Self {
        let namespace = self.namespace.clone();
        let labels = "  labels: {e2e.example/gated: \"true\"}\n";
        let text = object("v1", "ConfigMap", &namespace, name, phase, labels);
        self.file(&format!("{name}.yaml"), &text)
    }

    /// A Deployment `name` of two pods of this image, in the package's namespace.
    pub fn deployment(self, name: &str, phase: &str, image: &str) -> Self {
        let namespace = self.namespace.clone();
        let text = object("apps/v1", "Deployment", &namespace, name, phase, "");
        let spec = json!({
            "replicas": 2,
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name}},
                "spec": {"containers": [{"name": "main", "image": image}]},
            },
        });
        self.file(&format!("{name}.yaml"), &format!("{text}spec: {spec}\n"))
    }

    fn manifest(&self) -> String {
        let mut text = format!(
            "apiVersion: manifests.package-operator.run/v1alpha1\nkind: PackageManifest\nmetadata: {{name: {}}}\nspec:\n  scopes: [{}]\n  phases:\n",
            self.name,
            if self.tenant.is_some() {
                "Namespaced"
            } else {
                "Cluster"
            },
        );
        for phase in &self.phases {
            let _ = writeln!(text, "  - name: {phase}");
        }
        if !self.probes.is_empty() {
            let _ = write!(text, "  availabilityProbes:\n{}", self.probes);
        }
        text
    }

    /// Builds the image and pushes it to the world's registry; the reference to order it by.
    pub async fn push(&self, world: &World, tag: &str) -> String {
        let mut files = PackageFiles::new();
        if !self.files.contains_key("manifest.yaml") {
            let manifest = self.manifest().into_bytes();
            files.insert("manifest.yaml", manifest).expect("a file");
        }
        for (path, text) in &self.files {
            files
                .insert(path, text.clone().into_bytes())
                .expect("a file");
        }
        let image = build(&files, &BTreeMap::new()).expect("an image");
        let reference = format!("{}/{}:{tag}", world.fleet.registry().address(), self.name);
        push(&image, &reference).await;
        reference
    }

    /// Orders this image for these clusters; without a placement for the hub's own.
    pub async fn order(&self, world: &World, image: &str, placement: &Value) -> Value {
        let mut package = json!({
            "apiVersion": "stevedore.dev/v1alpha1",
            "kind": if self.tenant.is_some() { "Package" } else { "ClusterPackage" },
            "metadata": {"name": self.name},
            "spec": {"image": image},
        });
        if !placement.is_null() {
            package["spec"]["placement"] = placement.clone();
        }
        create(&world.client(), &self.collection(), &package)
            .await
            .expect("a valid package")
    }

    /// Pushes it, and orders it for these clusters.
    pub async fn install(&self, world: &World, placement: &Value) {
        let image = self.push(world, "1").await;
        self.order(world, &image, placement).await;
    }

    /// Pushes it, orders it for these clusters, and waits until it is available on so many of them.
    pub async fn roll_out(&self, world: &World, placement: &Value, clusters: i64) {
        self.install(world, placement).await;
        self.available(world, clusters).await;
    }

    /// Pushes it under this tag, and orders that image in the place of what was ordered.
    pub async fn upgrade(&self, world: &World, tag: &str) {
        let image = self.push(world, tag).await;
        self.change(world, &json!({"image": image})).await;
    }

    /// Changes the spec of the ordered package.
    pub async fn change(&self, world: &World, spec: &Value) -> Value {
        merge(&world.client(), &self.path(), &json!({"spec": spec}))
            .await
            .expect("a valid change")
    }

    /// Where the ordered package is on the hub.
    pub fn path(&self) -> String {
        format!("{}/{}", self.collection(), self.name)
    }

    fn collection(&self) -> String {
        match &self.tenant {
            Some(namespace) => ours(&format!("namespaces/{namespace}/packages")),
            None => ours("clusterpackages"),
        }
    }

    /// Waits until the hub says that the newest spec is available on so many clusters.
    pub async fn available(&self, world: &World, clusters: i64) -> Value {
        let what = format!("{} is available on {clusters} clusters", self.name);
        world
            .seen(&what, &self.path(), |package| {
                is_available(package) && package["status"]["counts"]["available"] == clusters
            })
            .await
    }

    /// Waits until a condition of the package, said of the newest spec, has this status and this reason, and
    /// returns its message.
    pub async fn says(&self, world: &World, type_: &str, status: &str, reason: &str) -> String {
        let what = format!("{} says {type_}={status} {reason}", self.name);
        let package = world
            .seen(&what, &self.path(), |package| {
                let (now, why, _) = condition(package, type_);
                is_observed(package) && now == status && why == reason
            })
            .await;
        condition(&package, type_).2.to_owned()
    }

    /// As [`says`](Self::says), whatever the reason.
    pub async fn says_any(&self, world: &World, type_: &str, status: &str) -> String {
        let what = format!("{} says {type_}={status}", self.name);
        let package = world
            .seen(&what, &self.path(), |package| {
                is_observed(package) && condition(package, type_).0 == status
            })
            .await;
        condition(&package, type_).2.to_owned()
    }

    /// Waits until the hub says that it does not know whether the package is available.
    pub async fn says_unknown(&self, world: &World) -> Value {
        let what = format!("{} is Unknown", self.name);
        world
            .seen(&what, &self.path(), |package| {
                condition(package, "Available").0 == "Unknown"
            })
            .await
    }

    /// Waits until the package says that it cannot be used, or that a cluster cannot use it, and names this.
    pub async fn fails(&self, world: &World, named: &str) -> String {
        let what = format!("{} says what is wrong with {named}", self.name);
        let message = |package: &Value| {
            let (invalid, _, message) = condition(package, "Invalid");
            let failures = package["status"]["failures"].as_array();
            let failures = failures.into_iter().flatten();
            let told = failures.filter_map(|one| one["message"].as_str());
            let mut told = told.chain((invalid == "True").then_some(message));
            told.find(|one| one.contains(named)).map(str::to_owned)
        };
        let package = world
            .seen(&what, &self.path(), |package| {
                is_observed(package) && message(package).is_some()
            })
            .await;
        message(&package).expect("just seen")
    }

    /// Deletes the package on the hub and waits until it is gone there.
    pub async fn remove(&self, world: &World) {
        crate::api::delete(&world.client(), &self.path()).await;
        world.gone(&world.client(), &self.path()).await;
    }
}

/// Whether the status speaks about the newest spec.
pub fn is_observed(object: &Value) -> bool {
    object["status"]["observedGeneration"] == object["metadata"]["generation"]
}

/// Whether the newest spec is available. While an image is being pulled, what is said is about the one before.
pub fn is_available(package: &Value) -> bool {
    let conditions = package["status"]["conditions"].as_array();
    let mut conditions = conditions.into_iter().flatten();
    let found = conditions.find(|one| one["type"] == "Available");
    found.is_some_and(|one| {
        one["status"] == "True" && one["observedGeneration"] == package["metadata"]["generation"]
    })
}

/// Every member but the hub's own cluster.
pub fn members() -> Value {
    json!({"clusterSelector": {"matchLabels": {(LABEL.0): LABEL.1}}})
}

/// These clusters.
pub fn named(clusters: &[&str]) -> Value {
    json!({"clusterNames": clusters})
}

/// The head of an object in a phase; `more` are further lines of its metadata.
pub fn object(
    api_version: &str,
    kind: &str,
    namespace: &str,
    name: &str,
    phase: &str,
    more: &str,
) -> String {
    let namespace = match namespace {
        "" => String::new(),
        namespace => format!("  namespace: {namespace}\n"),
    };
    format!(
        "apiVersion: {api_version}\nkind: {kind}\nmetadata:\n  name: {name}\n{namespace}{more}  annotations: {{stevedore.dev/phase: {phase}}}\n"
    )
}

/// Pushes an image as any tool would, whether or not it is a valid package.
pub async fn push(image: &Image, reference: &str) {
    let reference: Reference = reference.parse().expect("a reference");
    let client = Client::new(ClientConfig {
        protocol: ClientProtocol::Http,
        ..ClientConfig::default()
    });
    client
        .auth(
            &reference,
            &RegistryAuth::Anonymous,
            RegistryOperation::Push,
        )
        .await
        .expect("the registry asks for nothing");
    for blob in [&image.layer, &image.config] {
        client
            .push_blob(&reference, blob.bytes.clone(), &blob.digest.to_string())
            .await
            .expect("the registry takes a blob");
    }
    let media_type = image.manifest.media_type.parse().expect("a header value");
    client
        .push_manifest_raw(&reference, image.manifest.bytes.clone(), media_type)
        .await
        .expect("the registry takes a manifest");
}

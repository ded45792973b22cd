//! A registry on loopback, and the packages in it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use axum::body::Body;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::json;
use stevedore_package::files::PackageFiles;
use stevedore_package::image;
use stevedore_proto_core::Digest;
use stevedore_runtime::supervise::Tasks;
use tokio::net::TcpListener;

use super::api_server::Gate;

/// The files of a package whose one object says `text` and on which cluster it is.
pub(crate) fn files(text: &str) -> PackageFiles {
    let manifest = "apiVersion: manifests.package-operator.run/v1alpha1\nkind: PackageManifest\n\
         metadata: {name: demo}\nspec:\n  scopes: [Cluster, Namespaced]\n  phases: [{name: one}]\n";
    let object = format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: demo\n  namespace: default\n  \
         annotations: {{package-operator.run/phase: one}}\n\
         data: {{text: \"{text}\", where: \"{{{{ .cluster.name }}}}\"}}\n"
    );
    let mut files = PackageFiles::new();
    files.insert("manifest.yaml", manifest.into()).unwrap();
    files
        .insert("demo.yaml.gotmpl", object.into_bytes())
        .unwrap();
    files
}

/// A handle to the registry.
#[derive(Debug, Clone)]
pub(crate) struct Registry {
    pub(crate) address: String,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    /// By path below `/v2/demo/`.
    blobs: BTreeMap<String, Vec<u8>>,
    asked: Vec<String>,
    /// Answers are held back until it is open.
    gate: Option<Gate>,
}

impl Registry {
    pub(crate) async fn start(tasks: &Tasks) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let registry = Self {
            address: listener.local_addr().unwrap().to_string(),
            state: Arc::default(),
        };
        let answering = registry.clone();
        let service = axum::Router::new().fallback(move |request: Request| {
            let answering = answering.clone();
            async move {
                let gate = answering.lock().gate.clone();
                if let Some(gate) = gate {
                    gate.passed().await;
                }
                answering.answer(&request)
            }
        });
        let _ = tasks.spawn("registry", async move {
            axum::serve(listener, service).await.unwrap();
        });
        registry
    }

    /// Puts a package there, and gives the reference of its image.
    pub(crate) fn push(&self, tag: &str, files: &PackageFiles) -> String {
        let image = image::build(files, &BTreeMap::new()).unwrap();
        let mut state = self.lock();
        for blob in [&image.layer, &image.config] {
            let path = format!("blobs/{}", blob.digest);
            state.blobs.insert(path, blob.bytes.clone());
        }
        let manifest = image.manifest;
        for version in [tag.to_owned(), manifest.digest.to_string()] {
            let path = format!("manifests/{version}");
            state.blobs.insert(path, manifest.bytes.clone());
        }
        self.image(tag)
    }

    /// Puts an index under a tag in place of an image, with one entry for a platform (`linux/amd64`) and an
    /// attestation, and gives the index's digest.
    pub(crate) fn wrap(&self, tag: &str, platform: &str) -> String {
        let (os, architecture) = platform.split_once('/').unwrap();
        let mut state = self.lock();
        let manifest = state.blobs[&format!("manifests/{tag}")].clone();
        let entry = |os: &str, architecture: &str| {
            json!({
                "mediaType": image::MANIFEST_TYPE, "digest": Digest::of(&manifest), "size": manifest.len(),
                "platform": {"os": os, "architecture": architecture},
            })
        };
        let entries = [entry("unknown", "unknown"), entry(os, architecture)];
        let index = json!({"mediaType": image::INDEX_TYPE, "manifests": entries});
        let index = index.to_string().into_bytes();
        let digest = Digest::of(&index).to_string();
        for version in [tag, &digest] {
            let path = format!("manifests/{version}");
            state.blobs.insert(path, index.clone());
        }
        digest
    }

    /// Holds every answer back until the gate is open.
    pub(crate) fn hold(&self, gate: &Gate) {
        self.lock().gate = Some(gate.clone());
    }

    /// Whether a pull may be under way that was held back.
    pub(crate) fn was_held(&self) -> bool {
        self.lock().gate.is_some()
    }

    /// The reference of an image, whether it is there or not.
    pub(crate) fn image(&self, tag: &str) -> String {
        format!("{}/demo:{tag}", self.address)
    }

    /// Loses everything that was pushed.
    pub(crate) fn forget(&self) {
        self.lock().blobs.clear();
    }

    /// The digest that a tag stands for.
    pub(crate) fn digest(&self, tag: &str) -> String {
        let manifest = self.lock().blobs[&format!("manifests/{tag}")].clone();
        Digest::of(&manifest).to_string()
    }

    /// How many layers and configs were asked for.
    pub(crate) fn fetched(&self) -> usize {
        let state = self.lock();
        let blobs = state.asked.iter();
        blobs.filter(|asked| asked.starts_with("blobs/")).count()
    }

    /// How often a tag was asked for.
    pub(crate) fn asked_for(&self, tag: &str) -> usize {
        let path = format!("manifests/{tag}");
        self.lock()
            .asked
            .iter()
            .filter(|asked| **asked == path)
            .count()
    }

    fn answer(&self, request: &Request) -> Response {
        let path = request
            .uri()
            .path()
            .trim_start_matches("/v2/demo/")
            .to_owned();
        let mut state = self.lock();
        let (status, bytes) = match state.blobs.get(&path) {
            Some(bytes) => (StatusCode::OK, bytes.clone()),
            None => (StatusCode::NOT_FOUND, Vec::new()),
        };
        state.asked.push(path);
        let response = Response::builder().status(status);
        response.body(Body::from(bytes)).unwrap()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

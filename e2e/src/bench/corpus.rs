//! Packages to render: those that the tests of the package format have, and one of many templates.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, bail};
use serde_json::json;
use stevedore_package::files::PackageFiles;
use stevedore_package::manifest::Scope;
use stevedore_package::package::Package;
use stevedore_package::render::{ClusterFacts, RenderInput};

/// Where the packages are, from the root of the repository.
const FOLDERS: [&str; 2] = ["package/tests/packages", "package/tests/fixtures"];

/// A package, and one way to install it.
pub(super) struct Sample {
    /// Its folder, and the scope.
    pub(super) name: String,
    pub(super) files: PackageFiles,
    pub(super) input: RenderInput,
}

/// Every package of the tests in each of its scopes, with its defaults. Those whose defaults are no configuration are
/// left out.
pub(super) fn samples(root: &Path) -> anyhow::Result<Vec<Sample>> {
    let mut samples = Vec::new();
    for folder in FOLDERS {
        let folder = root.join(folder);
        let cannot = || format!("cannot read {}", folder.display());
        let mut entries = std::fs::read_dir(&folder)
            .with_context(cannot)?
            .map(|entry| entry.map(|entry| entry.path()))
            .collect::<Result<Vec<_>, _>>()
            .with_context(cannot)?;
        entries.retain(|path| path.join("manifest.yaml").is_file());
        entries.sort();
        for path in entries {
            let mut files = PackageFiles::new();
            collect(&path, "", &mut files)?;
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            samples.extend(of_package(&name, &files)?);
        }
    }
    if samples.is_empty() {
        bail!("no package can be rendered");
    }
    Ok(samples)
}

fn of_package(name: &str, files: &PackageFiles) -> anyhow::Result<Vec<Sample>> {
    let package = Package::load(files.clone()).with_context(|| name.to_owned())?;
    let manifest = package.manifest();
    let samples = manifest.scopes.iter().map(|scope| {
        let word = match scope {
            Scope::Cluster => "cluster",
            Scope::Namespaced => "namespaced",
        };
        Sample {
            name: format!("{name}, {word}"),
            files: files.clone(),
            input: input(&manifest.name, *scope),
        }
    });
    let renders = |sample: &Sample| {
        let context = package.context(&sample.input);
        context.is_ok_and(|context| package.render(&context).is_ok())
    };
    Ok(samples.filter(renders).collect())
}

/// A package of so many templates, each a Deployment that takes its labels from a helper.
pub(super) fn of_templates(count: usize) -> anyhow::Result<PackageFiles> {
    let mut files = PackageFiles::new();
    files.insert("manifest.yaml", MANIFEST.into())?;
    files.insert("_labels.gotmpl", HELPER.into())?;
    for number in 0..count {
        let text = TEMPLATE.replace("NUMBER", &number.to_string());
        files.insert(&format!("workload-{number}.yaml.gotmpl"), text.into_bytes())?;
    }
    Ok(files)
}

pub(super) fn input(name: &str, scope: Scope) -> RenderInput {
    RenderInput {
        name: name.to_owned(),
        namespace: (scope == Scope::Namespaced).then(|| "default".to_owned()),
        image: format!("registry.example/{name}:1"),
        environment: json!({"kubernetes": {"version": "v1.36.3"}}),
        cluster: ClusterFacts {
            name: "member-1".to_owned(),
            uid: "0a1b2c3d-0000-0000-0000-000000000000".to_owned(),
            labels: BTreeMap::from([("region".to_owned(), "north".to_owned())]),
        },
        ..RenderInput::default()
    }
}

fn collect(folder: &Path, prefix: &str, files: &mut PackageFiles) -> anyhow::Result<()> {
    let cannot = || format!("cannot read {}", folder.display());
    for entry in std::fs::read_dir(folder).with_context(cannot)? {
        let entry = entry.with_context(cannot)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let inner = format!("{prefix}{name}");
        if name.starts_with('.') {
            continue;
        }
        if entry.file_type().with_context(cannot)?.is_dir() {
            collect(&entry.path(), &format!("{inner}/"), files)?;
        } else {
            files.insert(&inner, std::fs::read(entry.path()).with_context(cannot)?)?;
        }
    }
    Ok(())
}

const MANIFEST: &str = "apiVersion: manifests.package-operator.run/v1alpha1
kind: PackageManifest
metadata: {name: warehouse}
spec:
  scopes: [Namespaced]
  phases: [{name: workloads}]
  availabilityProbes:
    - selector: {kind: {group: apps, kind: Deployment}}
      probes: [{condition: {type: Available, status: \"True\"}}]
  config:
    openAPIV3Schema:
      type: object
      properties:
        replicas: {type: integer, default: 2, minimum: 1}
        region: {type: string, default: north}
        limits:
          type: object
          default: {}
          properties:
            cpu: {type: string, default: 100m}
            memory: {type: string, default: 64Mi}
";

const HELPER: &str = r#"{{- define "labels" -}}
app.kubernetes.io/name: {{ .name | quote }}
app.kubernetes.io/instance: {{ .package.metadata.name | quote }}
app.kubernetes.io/part-of: warehouse
{{- end -}}
"#;

const TEMPLATE: &str = r#"{{- $name := printf "workload-%d" NUMBER }}
{{- $labels := merge (dict "name" $name) . }}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ $name }}
  annotations:
    package-operator.run/phase: workloads
  labels:
    {{- include "labels" $labels | nindent 4 }}
spec:
  replicas: {{ .config.replicas }}
  selector:
    matchLabels:
      {{- include "labels" $labels | nindent 6 }}
  template:
    metadata:
      labels:
        {{- include "labels" $labels | nindent 8 }}
    spec:
      containers:
        - name: main
          image: registry.example/workload:{{ add NUMBER 1 }}
          args:
            {{- range $key, $value := dict "region" .config.region "number" (toString NUMBER) }}
            - --{{ $key }}={{ $value }}
            {{- end }}
          {{- if gt (int .config.replicas) 1 }}
          env:
            - name: PEERS
              value: {{ list .config.replicas $name | join "," | quote }}
          {{- end }}
          resources:
            limits:
              {{- .config.limits | toYAML | nindent 14 }}
"#;

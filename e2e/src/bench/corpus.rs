//! Packages to render: those that the tests of the package format have, and one of many templates.

use std::path::Path;

use anyhow::{Context as _, bail};
use stevedore_package::files::PackageFiles;
use stevedore_package::package::Package;
use stevedore_package::preview::Preview;
use stevedore_package::render::Context;

/// Where the packages are, from the root of the repository.
const FOLDER: &str = "package/tests/packages";

/// A package, and one way to install it.
pub(super) struct Sample {
    /// Its folder, and the test case.
    pub(super) name: String,
    pub(super) files: PackageFiles,
    /// A test case; none for the defaults.
    case: Option<String>,
}

impl Sample {
    /// What it is rendered with.
    pub(super) fn context(&self, package: &Package) -> anyhow::Result<Context> {
        let context = match &self.case {
            Some(case) => package.preview_of_case(None, case),
            None => package.preview(&Preview::default()),
        };
        context.with_context(|| self.name.clone())
    }
}

/// The root of every package of the tests with each of its test cases, or with its defaults where it has none.
pub(super) fn samples(root: &Path) -> anyhow::Result<Vec<Sample>> {
    let folder = root.join(FOLDER);
    let cannot = || format!("cannot read {}", folder.display());
    let mut entries = std::fs::read_dir(&folder)
        .with_context(cannot)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<Vec<_>, _>>()
        .with_context(cannot)?;
    entries.retain(|path| path.join("manifest.yaml").is_file());
    entries.sort();
    let mut samples = Vec::new();
    for path in entries {
        let mut files = PackageFiles::new();
        collect(&path, "", &mut files)?;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        samples.extend(of_package(&name, &files)?);
    }
    if samples.is_empty() {
        bail!("there is no package in {}", folder.display());
    }
    Ok(samples)
}

fn of_package(name: &str, files: &PackageFiles) -> anyhow::Result<Vec<Sample>> {
    let package = Package::load(files.clone()).with_context(|| name.to_owned())?;
    let sample = |case: Option<String>| Sample {
        name: match &case {
            Some(case) => format!("{name}, {case}"),
            None => name.to_owned(),
        },
        files: files.clone(),
        case,
    };
    let cases = package.case_names();
    if cases.is_empty() {
        return Ok(vec![sample(None)]);
    }
    Ok(cases.into_iter().map(|case| sample(Some(case))).collect())
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

//! The package that a command is about: a folder, or an image that is pulled.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::Args;
use stevedore_package::files::PackageFiles;
use stevedore_package::package::Package;
use stevedore_package::warning::Warnings;

use super::folder::{self, Contents};
use super::registry::Insecure;
use super::report::Subject;
use super::{pull, report};
use crate::terminal::escaped;

/// The package of a command that is about one.
#[derive(Debug, Args)]
pub(crate) struct Source {
    /// Folder with manifest.yaml; with --pull the reference of an image
    #[arg(value_name = "PATH|IMAGE")]
    pub(super) path: PathBuf,
    /// Pull an image and take that
    #[arg(long)]
    pub(super) pull: bool,
    #[command(flatten)]
    insecure: Insecure,
}

/// A package that was read.
pub(super) struct Loaded {
    /// What the person called it.
    pub(super) shown: String,
    pub(super) files: PackageFiles,
    pub(super) package: Package,
    /// What its author should look at.
    pub(super) warnings: Warnings,
    /// The reference of an image that was pulled.
    pub(super) image: Option<String>,
}

impl Source {
    /// Reads its files, whatever they are.
    ///
    /// # Errors
    /// When it cannot be read or pulled.
    pub(super) async fn contents(&self) -> anyhow::Result<Contents> {
        contents_of(&self.path, self.pull, self.insecure.allowed).await
    }

    /// Reads and checks it.
    ///
    /// # Errors
    /// When it cannot be read or pulled, or is no package.
    pub(super) async fn load(&self) -> anyhow::Result<Loaded> {
        load(&self.path, self.pull, self.insecure.allowed).await
    }
}

impl Loaded {
    /// What a report of it is about.
    pub(super) fn subject(&self) -> Subject<'_> {
        Subject {
            package: Some(&self.package),
            ..Subject::files(&self.files)
        }
    }
}

/// What is in a folder, or in an image that is pulled.
async fn contents_of(path: &Path, pull: bool, insecure: bool) -> anyhow::Result<Contents> {
    if !pull {
        return folder::read(path);
    }
    let pulled = pull::pull(&path.to_string_lossy(), insecure).await?;
    Ok(Contents {
        files: pulled.files,
        links: Vec::new(),
    })
}

/// The package that is called by an existing folder, or else by the reference of an image. The reference has to name its
/// registry, so that most misspelt folders are not looked for on the network.
///
/// # Errors
/// When it is neither, cannot be read or pulled, or is no package.
pub(super) async fn find(path: &Path, insecure: &Insecure) -> anyhow::Result<Loaded> {
    let is_folder = path.exists();
    let text = path.to_string_lossy();
    if !is_folder && !names_registry(&text) {
        bail!(
            "there is no folder {}, and it is no reference of an image with its registry, HOST/NAME:TAG",
            escaped(&text)
        );
    }
    load(path, !is_folder, insecure.allowed).await
}

/// Whether what is before the first slash can only be a host.
fn names_registry(text: &str) -> bool {
    let host = text.split_once('/').map(|(host, _)| host);
    host.is_some_and(|host| {
        let is_host = host.contains(['.', ':']) || host == "localhost";
        is_host && host.starts_with(|first: char| first.is_ascii_alphanumeric() || first == '[')
    })
}

async fn load(path: &Path, pull: bool, insecure: bool) -> anyhow::Result<Loaded> {
    let contents = contents_of(path, pull, insecure).await?;
    let shown = path.display().to_string();
    let checked = contents.load();
    report::refuse(&contents.files, &checked).with_context(|| escaped(&shown))?;
    let package = checked.package.context("the package cannot be read")?;
    Ok(Loaded {
        image: pull.then(|| shown.clone()),
        shown,
        files: contents.files,
        package,
        warnings: checked.warnings,
    })
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// The manifest of the examples, with more of its spec.
    pub(in crate::package) fn manifest(name: &str, spec: &str) -> String {
        let head = "apiVersion: manifests.package-operator.run/v1alpha1\nkind: PackageManifest\n";
        format!("{head}metadata: {{name: {name}}}\nspec:\n{spec}")
    }

    /// A ConfigMap in a phase, with more annotations.
    pub(in crate::package) fn map(name: &str, phase: &str, more: &str) -> String {
        format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\n  annotations: {{package-operator.run/phase: {phase}{more}}}\n"
        )
    }

    pub(in crate::package) fn loaded(files: &[(&str, &str)]) -> Loaded {
        let mut all = PackageFiles::new();
        for (path, text) in files {
            all.insert(path, text.as_bytes().to_vec()).unwrap();
        }
        let package = Package::load(all.clone()).unwrap();
        Loaded {
            shown: "lamp".to_owned(),
            warnings: package.warnings().clone(),
            package,
            files: all,
            image: None,
        }
    }

    /// A package with a component, in which some objects are left out.
    pub(in crate::package) fn lamp() -> Loaded {
        let root = manifest(
            "lamp",
            "  scopes: [Namespaced, Cluster]
  components: {}
  phases: [{name: base}, {name: light}, {name: later}]
  availabilityProbes:
  - selector: {kind: {kind: ConfigMap}}
    probes: [{condition: {type: Ready}}]
  filter:
    conditions: [{name: isBig, expression: config.beams > 2}]
    paths: [{glob: \"big/*\", expression: cond.isBig}]
  config:
    openAPIV3Schema:
      type: object
      properties: {beams: {type: integer, default: 1}}
",
        );
        let horn = manifest(
            "horn",
            "  scopes: [Namespaced]\n  phases: [{name: sound}]\n",
        );
        let asks = "apiVersion: package-operator.run/v1alpha1\nkind: Package\nmetadata:\n  name: brass\n  \
                    annotations: {package-operator.run/phase: light}\nspec: {image: '{{ .package.image }}', component: horn}\n";
        let condition = ", package-operator.run/condition: cond.isBig";
        let bulbs = format!(
            "{}---\n{}",
            map("bulb", "light", ""),
            map("spare", "light", condition)
        );
        loaded(&[
            ("manifest.yaml", &root),
            ("base.yaml", &map("base", "base", "")),
            ("big/extra.yaml", &map("extra", "later", "")),
            ("bulb.yaml.gotmpl", &bulbs),
            ("horn.yaml.gotmpl", asks),
            ("none.yaml.gotmpl", "{{ if false }}a: b{{ end }}"),
            ("components/horn/manifest.yaml", &horn),
            ("components/horn/horn.yaml", &map("horn", "sound", "")),
        ])
    }

    #[tokio::test]
    async fn what_is_neither_a_folder_nor_names_a_registry_is_looked_for_nowhere() {
        let insecure = Insecure { allowed: false };
        for path in [
            "no-such-folder",
            "./no/such/folder",
            "../x.y/z",
            "shop/lamp:1",
        ] {
            let refused = find(Path::new(path), &insecure).await.err();
            let refused = refused.expect("an error").to_string();
            assert!(refused.contains("there is no folder"), "{refused}");
        }
        for text in [
            "registry.example/lamp:1",
            "localhost/lamp",
            "127.0.0.1:5000/lamp",
            "[::1]:5000/lamp",
        ] {
            assert!(names_registry(text), "{text}");
        }
    }
}

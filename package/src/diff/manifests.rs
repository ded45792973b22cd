//! The difference between the manifests and lock files of two packages, and of their components.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use super::fields::{FieldChange, compare};
use crate::components;
use crate::files::{PackageFiles, whole_path};
use crate::manifest::{self, Loaded};
use crate::violation::Invalid;

/// What changes in manifests and lock files.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ManifestDifference {
    /// Names of components that are new.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub components_added: Vec<String>,
    /// Names of components that go.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub components_removed: Vec<String>,
    /// Manifests and lock files that differ, of the root and of components that stay.
    pub files: Vec<FileChange>,
}

/// A manifest or lock file that differs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FileChange {
    /// The file, as it is called now.
    pub file: String,
    /// The fields that differ.
    pub fields: Vec<FieldChange>,
}

/// Documents by the name of their file, without its suffix.
type Documents = BTreeMap<&'static str, (&'static str, Value)>;

/// What the manifests and lock files of a package say, by component; the root has no name.
fn documents(files: &PackageFiles) -> Result<BTreeMap<String, Documents>, Invalid> {
    let mut root = files.clone();
    let manifest = manifest::load(&root, None)
        .and_then(Loaded::checked)
        .map_err(Invalid::of)?;
    let components = match manifest.has_components {
        true => components::split(&mut root).map_err(Invalid::of)?,
        false => BTreeMap::new(),
    };
    let mut found = BTreeMap::new();
    for (name, files) in components {
        let documents = manifest::documents(&files);
        found.insert(name, documents.map_err(Invalid::of)?);
    }
    let documents = manifest::documents(&root);
    found.insert(String::new(), documents.map_err(Invalid::of)?);
    Ok(found)
}

/// What leads from the manifests and lock files of one package to those of another.
///
/// # Errors
/// When one of them is no package.
pub fn manifests(
    before: &PackageFiles,
    after: &PackageFiles,
) -> Result<ManifestDifference, Invalid> {
    let (before, after) = (documents(before)?, documents(after)?);
    let only = |one: &BTreeMap<String, Documents>, other: &BTreeMap<String, Documents>| {
        let names = one.keys().filter(|name| !other.contains_key(*name));
        names.cloned().collect()
    };
    let mut files = Vec::new();
    for (component, after) in &after {
        let Some(before) = before.get(component) else {
            continue;
        };
        for stem in manifest::STEMS {
            let (one, other) = (before.get(stem), after.get(stem));
            let Some((file, _)) = other.or(one) else {
                continue;
            };
            let mut fields = Vec::new();
            let value = |it: Option<&(&str, Value)>| {
                let none = Value::Object(serde_json::Map::new());
                it.map_or(none, |(_, value)| value.clone())
            };
            compare("", Some(&value(one)), Some(&value(other)), &mut fields);
            if !fields.is_empty() {
                let component = Some(component.as_str()).filter(|it| !it.is_empty());
                let file = whole_path(component, file);
                files.push(FileChange { file, fields });
            }
        }
    }
    Ok(ManifestDifference {
        components_added: only(&after, &before),
        components_removed: only(&before, &after),
        files,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCK: &str = "apiVersion: manifests.package-operator.run/v1alpha1
kind: PackageManifestLock
spec:
  images: [{name: web, image: registry.example/web:1, digest: DIGEST}]
";

    fn manifest(more: &str) -> String {
        let head = "apiVersion: manifests.package-operator.run/v1alpha1\nkind: PackageManifest\n";
        format!("{head}metadata: {{name: lamp}}\nspec:\n  phases: [{{name: a}}]\n{more}")
    }

    fn package(files: &[(&str, &str)]) -> PackageFiles {
        let mut all = PackageFiles::new();
        for (path, text) in files {
            all.insert(path, text.as_bytes().to_vec()).unwrap();
        }
        all
    }

    fn told(difference: &ManifestDifference) -> Vec<String> {
        let files = difference.files.iter();
        let fields = files.flat_map(|it| it.fields.iter().map(|field| (&it.file, field)));
        fields
            .map(|(file, change)| format!("{file} {}", change.field))
            .collect()
    }

    #[test]
    fn fields_of_manifest_and_lock_file_are_told_by_the_names_that_authors_write() {
        let digest = |digit: &str| LOCK.replace("DIGEST", &format!("sha256:{}", digit.repeat(64)));
        let images = "  images: [{name: web, image: registry.example/web:1}]\n";
        let one = manifest(&format!("  scopes: [Cluster]\n{images}"));
        let other = manifest(&format!(
            "  # with a comment\n  Scopes: [Cluster, Namespaced]\n  constraints: [{{uniqueInScope: {{}}}}]\n{images}"
        ));
        let before = package(&[("manifest.yaml", &one), ("manifest.lock.yml", &digest("1"))]);
        let after = package(&[
            ("manifest.yml", &other),
            ("manifest.lock.yml", &digest("2")),
        ]);
        let expected = [
            "manifest.yml spec.constraints",
            "manifest.yml spec.scopes",
            "manifest.lock.yml spec.images[web].digest",
        ];
        assert_eq!(told(&manifests(&before, &after).unwrap()), expected);
        let same = manifests(&before, &before).unwrap();
        assert_eq!(same, ManifestDifference::default());
    }

    #[test]
    fn components_that_come_and_go_are_named_and_those_that_stay_compared() {
        let root = manifest("  scopes: [Cluster]\n  components: {}\n");
        let part = |scope: &str| manifest(&format!("  scopes: [{scope}]\n"));
        let (cluster, namespaced) = (part("Cluster"), part("Namespaced"));
        let before = package(&[
            ("manifest.yaml", &root),
            ("components/old/manifest.yaml", &cluster),
            ("components/both/manifest.yaml", &cluster),
        ]);
        let after = package(&[
            ("manifest.yaml", &root),
            ("components/new/manifest.yaml", &cluster),
            ("components/both/manifest.yaml", &namespaced),
        ]);
        let found = manifests(&before, &after).unwrap();
        assert_eq!(
            (&*found.components_added, &*found.components_removed),
            (&["new".to_owned()][..], &["old".to_owned()][..])
        );
        assert_eq!(
            told(&found),
            ["components/both/manifest.yaml spec.scopes[0]"]
        );
        assert!(manifests(&before, &package(&[])).is_err());
    }
}

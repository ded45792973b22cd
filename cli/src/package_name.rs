//! Names of packages as people type them: `NAME` for a ClusterPackage, `NAMESPACE/NAME` for a Package; also as
//! kubectl prints them, with the kind in front.

use std::fmt;
use std::str::FromStr;

use stevedore_crds::v1alpha1::{PackageKind, PackageReference};
use stevedore_proto_core::name::{self, InvalidName};

/// A package as a person names it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct PackageName {
    pub(crate) namespace: Option<String>,
    pub(crate) name: String,
}

impl PackageName {
    /// The kind that the form of the name means.
    pub(crate) fn kind(&self) -> PackageKind {
        match self.namespace {
            Some(_) => PackageKind::Package,
            None => PackageKind::ClusterPackage,
        }
    }
}

impl From<&PackageReference> for PackageName {
    fn from(reference: &PackageReference) -> Self {
        Self {
            namespace: reference.namespace.clone(),
            name: reference.name.clone(),
        }
    }
}

impl fmt::Display for PackageName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.namespace {
            Some(namespace) => write!(f, "{namespace}/{}", self.name),
            None => f.write_str(&self.name),
        }
    }
}

const FORMS: &str = "a package is NAME (a ClusterPackage) or NAMESPACE/NAME (a Package)";

/// The kind that a word in front of a slash names to kubectl.
fn kind_word(word: &str) -> Option<PackageKind> {
    let word = word.to_ascii_lowercase();
    let word = word.split_once('.').map_or(word.as_str(), |(word, _)| word);
    match word {
        "clusterpackage" | "clusterpackages" | "stvcp" => Some(PackageKind::ClusterPackage),
        "package" | "packages" | "stvp" => Some(PackageKind::Package),
        _ => None,
    }
}

impl FromStr for PackageName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts: Vec<_> = text.split('/').collect();
        let (namespace, package) = match (kind_word(parts[0]), &parts[..]) {
            (Some(PackageKind::ClusterPackage), [_, name]) => (None, *name),
            (Some(PackageKind::Package), [_, name]) => {
                return Err(format!(
                    "a Package is in a namespace: write NAMESPACE/{name} or package/NAMESPACE/{name}"
                ));
            }
            (Some(PackageKind::Package), [_, namespace, name]) | (None, [namespace, name]) => {
                (Some(*namespace), *name)
            }
            (_, [name]) => (None, *name),
            _ => return Err(FORMS.into()),
        };
        let checked = |error: InvalidName| format!("{FORMS}; {error}");
        Ok(Self {
            namespace: namespace
                .map(name::namespace)
                .transpose()
                .map_err(checked)?,
            name: name::object(package, "a package's name").map_err(checked)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_are_read_and_shown_alike() {
        for text in ["lighthouse", "harbour/lighthouse"] {
            assert_eq!(text.parse::<PackageName>().unwrap().to_string(), text);
        }
        assert_eq!(
            "lighthouse".parse::<PackageName>().unwrap().kind(),
            PackageKind::ClusterPackage
        );
        assert_eq!(
            "harbour/x".parse::<PackageName>().unwrap().kind(),
            PackageKind::Package
        );
    }

    #[test]
    fn names_with_their_kind_in_front_are_understood_as_kubectl_prints_them() {
        for (text, name) in [
            ("clusterpackage/lighthouse", "lighthouse"),
            ("clusterpackage.stevedore.dev/lighthouse", "lighthouse"),
            ("ClusterPackages/lighthouse", "lighthouse"),
            ("stvcp/lighthouse", "lighthouse"),
            ("package/harbour/lighthouse", "harbour/lighthouse"),
            ("package/package/lighthouse", "package/lighthouse"),
            ("packages", "packages"),
        ] {
            let read: PackageName = text.parse().unwrap();
            assert_eq!(read.to_string(), name, "{text}");
        }
        let hint = "package.stevedore.dev/lighthouse".parse::<PackageName>();
        assert!(hint.unwrap_err().contains("NAMESPACE/lighthouse"));
    }

    #[test]
    fn empty_and_extra_parts_are_refused() {
        for text in [
            "",
            "/x",
            "x/",
            "a/b/c",
            "clusterpackage/",
            "clusterpackage/a/b",
            "..",
            "../x",
            "x/..",
            "?limit=0",
            "harbour/?x",
            "a%2fb",
            "clusterpackage/..",
        ] {
            assert!(text.parse::<PackageName>().is_err(), "{text}");
        }
    }
}

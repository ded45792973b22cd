//! How a person names a package: `NAME` for a ClusterPackage, `NAMESPACE/NAME` for a Package.

use std::fmt;
use std::str::FromStr;

use stevedore_crds::v1alpha1::{PackageKind, PackageReference};

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

impl FromStr for PackageName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (namespace, name) = match text.split_once('/') {
            Some((namespace, name)) => (Some(namespace.to_owned()), name),
            None => (None, text),
        };
        if name.is_empty() || name.contains('/') || namespace.as_ref().is_some_and(String::is_empty)
        {
            return Err(
                "a package is NAME (a ClusterPackage) or NAMESPACE/NAME (a Package)".into(),
            );
        }
        Ok(Self {
            namespace,
            name: name.to_owned(),
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
    fn empty_and_extra_parts_are_refused() {
        for text in ["", "/x", "x/", "a/b/c"] {
            assert!(text.parse::<PackageName>().is_err(), "{text}");
        }
    }
}

//! The input of a rendering: a revision, and one cluster as templates may know it.

use std::sync::Arc;

use serde_json::Value;
use stevedore_crds::environment::facts;
use stevedore_crds::v1alpha1::PackageRevision;
use stevedore_package::environment;
use stevedore_package::overrides::ImagePrefixes;
use stevedore_package::render::{ClusterFacts, RenderInput};
use stevedore_registry::Reference;

use crate::member::members::Joined;
use crate::package::any_package::AnyPackage;
use crate::package::registry;

/// What the revision is rendered from for one cluster; `None` while the member's environment is not known.
pub(crate) fn input(
    package: &AnyPackage,
    revision: &PackageRevision,
    joined: &Joined,
    prefixes: &Arc<ImagePrefixes>,
) -> Option<RenderInput> {
    let Joined { member, object, .. } = joined;
    let environment = object.status.as_ref()?.environment.as_ref()?;
    Some(RenderInput {
        name: package.name.clone(),
        namespace: package.namespace.clone(),
        labels: package.labels.clone(),
        annotations: package.annotations.clone(),
        image: revision.spec.image.clone(),
        component: revision.spec.component.clone(),
        config: revision.spec.config.clone().map(Value::Object),
        image_prefixes: Arc::clone(prefixes),
        environment: environment::tree(&facts(environment), package.namespace.as_deref()),
        cluster: ClusterFacts {
            name: member.name.clone(),
            uid: member.cluster.to_string(),
            labels: member.labels.clone(),
        },
        collision_protection: None,
        success_delay_seconds: None,
    })
}

/// The image of a revision, by digest.
pub(crate) fn resolved(revision: &PackageRevision) -> Result<Reference, registry::Error> {
    let image = registry::parse(&revision.spec.image)?;
    Ok(image.clone_with_digest(revision.spec.image_digest.clone()))
}

#[cfg(test)]
mod tests {
    use stevedore_crds::v1alpha1::PackageRevisionSpec;

    use super::*;

    #[test]
    fn a_resolved_image_names_the_repository_by_digest() {
        for (image, expected) in [
            ("registry.example/demo:v1", "registry.example/demo@sha256:1"),
            (
                "registry.example:5000/demo",
                "registry.example:5000/demo@sha256:1",
            ),
            (
                concat!(
                    "registry.example/demo@sha256:",
                    "9999999999999999999999999999999999999999999999999999999999999999"
                ),
                "registry.example/demo@sha256:1",
            ),
        ] {
            let spec = PackageRevisionSpec {
                image: image.into(),
                image_digest: "sha256:1".into(),
                ..PackageRevisionSpec::default()
            };
            let image = resolved(&PackageRevision::new("r", spec)).unwrap();
            assert_eq!(image.to_string(), expected);
        }
    }
}

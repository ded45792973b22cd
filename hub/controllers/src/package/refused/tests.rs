use stevedore_crds::v1alpha1::{ClusterPackage, ClusterPackageSpec};
use stevedore_proto_core::Reason;

use super::*;
use crate::mock_api::fleet;
use crate::package::any_package::PackageLike as _;

fn package(image: &str, asked: Option<&str>) -> AnyPackage {
    let spec = ClusterPackageSpec {
        image: image.to_owned(),
        ..ClusterPackageSpec::default()
    };
    let mut package = ClusterPackage::new("fleet", spec);
    package.metadata.uid = Some(fleet(None).uid.to_string());
    package.metadata.annotations =
        asked.map(|value| [(PULL_AGAIN.to_owned(), value.to_owned())].into());
    package.view().unwrap()
}

fn refused(image: &str) -> Option<Refused> {
    let failure = Failure {
        reason: Reason::LoadError,
        message: "no manifest".to_owned(),
    };
    Refused::new(&package(image, None), None, failure)
}

#[test]
fn only_what_was_found_by_a_tag_is_looked_at_again() {
    for image in ["registry.example/a", "registry.example/a:1"] {
        assert!(refused(image).is_some(), "{image}");
    }
    let digest = Digest::of(b"image");
    for image in [&*format!("registry.example/a:1@{digest}"), "no reference"] {
        assert!(refused(image).is_none(), "{image}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_status_says_when_the_tag_is_looked_at_next_and_who_may_be_sooner() {
    let refused = refused("registry.example/a:1").unwrap();
    let left = refused.left();
    assert!(left > LOOK_AGAIN / 2 && left <= LOOK_AGAIN * 2, "{left:?}");
    let now: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
    let Source::Invalid(failure) = refused.source(now) else {
        panic!("it is invalid");
    };
    let again = Timestamp::from_second((now + left).as_second()).unwrap();
    for word in ["no manifest; ", &again.to_string(), PULL_AGAIN] {
        assert!(failure.message.contains(word), "{}", failure.message);
    }
    tokio::time::advance(left).await;
    assert!(refused.left().is_zero() && !refused.looked_at().left().is_zero());
}

#[test]
fn another_value_of_the_annotation_asks_again() {
    let asked = |value| asked(&package("registry.example/a", value));
    assert_eq!(asked(None), None);
    assert_eq!(asked(Some("1")), asked(Some("1")));
    assert_ne!(asked(Some("1")), asked(Some("2")));
    assert_ne!(asked(Some("")), None);
}

use super::*;
use crate::mock_api::{self, SYSTEM, fleet};

fn revision(package: &PackageIdentity, number: u64) -> PackageRevision {
    mock_api::revision(package, number, &[&mock_api::content(b"part")])
}

fn numbers(revisions: &Revisions, package: &PackageIdentity) -> Vec<u64> {
    let history = revisions.history(package);
    history.iter().map(|revision| revision.number).collect()
}

#[test]
fn a_package_has_the_revisions_that_fit_it_and_no_other() {
    let revisions = Revisions::new(SYSTEM);
    let (cluster, tenant) = (fleet(None), fleet(Some("tenant")));
    revisions.apply(revision(&cluster, 1));
    revisions.apply(revision(&tenant, 2));
    let forge = |uid: &str, change: &dyn Fn(&mut PackageRevision)| {
        let mut forged = revision(&cluster, 3);
        forged.metadata.uid = Some(uid.to_owned());
        change(&mut forged);
        let found = revisions.verify(&forged);
        revisions.apply(forged);
        found.map(|_| ())
    };
    for (at, (expected, change)) in [
        (
            Mismatch::Namespace,
            &(|it: &mut PackageRevision| it.metadata.namespace = Some("tenant".into()))
                as &dyn Fn(&mut PackageRevision),
        ),
        (Mismatch::Name, &|it| {
            it.metadata.name = Some("fleet-3".into());
        }),
        (Mismatch::Name, &|it| it.spec.number = 4),
        (Mismatch::Number, &|it| it.spec.number = i64::MAX),
        (Mismatch::Kind, &|it| {
            it.spec.package = mock_api::reference(&fleet(Some("tenant")));
            it.spec.package.kind = Default::default();
        }),
        (Mismatch::PackageUid, &|it| it.spec.package.uid = "u".into()),
        (Mismatch::Digest, &|it| it.spec.content_digest.clear()),
        (Mismatch::Digest, &|it| it.spec.image_digest.clear()),
        (Mismatch::ContentSecret, &|it| {
            it.spec.content_secrets = vec!["stevedore-ca".into()];
        }),
    ]
    .into_iter()
    .enumerate()
    {
        assert_eq!(forge(&at.to_string(), change), Err(expected));
    }
    assert_eq!(numbers(&revisions, &cluster), [1]);
    assert_eq!(numbers(&revisions, &tenant), [2]);
    // What is not believed keeps its Secrets all the same.
    assert!(revisions.content_secrets().contains("stevedore-ca"));
}

#[test]
fn a_revision_that_went_is_of_nobody() {
    let revisions = Revisions::new(SYSTEM);
    revisions.apply(revision(&fleet(None), 1));
    revisions.apply(revision(&fleet(None), 2));
    revisions.delete(&revision(&fleet(None), 1));
    assert_eq!(numbers(&revisions, &fleet(None)), [2]);
    revisions.delete(&revision(&fleet(None), 2));
    assert!(revisions.objects.derived().0.0.is_empty());
}

#[test]
fn an_event_or_a_missing_secret_of_a_revision_that_went_meanwhile_is_kept_nowhere() {
    let revisions = Revisions::new(SYSTEM);
    let object = revision(&fleet(None), 1);
    let uid = object.uid_of().expect("a UID");
    revisions.apply(object.clone());
    let mark = || {
        revisions.set_shown(uid.clone());
        revisions.set_incomplete(&uid, true);
        (revisions.is_shown(&uid), revisions.is_incomplete(&uid))
    };
    assert_eq!(mark(), (true, true));
    revisions.delete(&object);
    assert_eq!(
        (revisions.is_shown(&uid), revisions.is_incomplete(&uid)),
        (false, false)
    );
    assert_eq!(mark(), (false, false));
}

#[test]
fn revisions_follow_the_index_whoever_changes_it() {
    let revisions = Revisions::new(SYSTEM);
    revisions
        .objects()
        .reset([revision(&fleet(None), 1).into()]);
    assert_eq!(numbers(&revisions, &fleet(None)), [1]);
    revisions
        .objects()
        .reset([revision(&fleet(None), 2).into()]);
    assert_eq!(numbers(&revisions, &fleet(None)), [2]);
}

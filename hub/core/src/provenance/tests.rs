use proptest::prelude::*;

use super::*;

const SYSTEM: &str = "stevedore-system";

/// An object's fields, to be changed one at a time.
#[derive(Debug, Clone)]
struct Object {
    namespace: String,
    name: String,
    is_cluster_scoped: bool,
    package_namespace: Option<String>,
    package_name: String,
    package_uid: String,
    number: i64,
    image_digest: String,
    content_digest: String,
    content_secrets: Vec<String>,
}

impl Object {
    /// As the hub makes it.
    fn of(package: &PackageIdentity, number: u64, parts: &[Digest]) -> Self {
        Self {
            namespace: package.record_namespace(SYSTEM).to_owned(),
            name: package.record_name(number),
            is_cluster_scoped: package.namespace.is_none(),
            package_namespace: package.namespace.clone(),
            package_name: package.name.clone(),
            package_uid: package.uid.to_string(),
            number: i64::try_from(number).unwrap(),
            image_digest: Digest::of(b"image").to_string(),
            content_digest: Digest::of(b"content").to_string(),
            content_secrets: parts.iter().map(content_name).collect(),
        }
    }

    fn place(&self) -> Place<'_> {
        Place {
            namespace: &self.namespace,
            name: &self.name,
        }
    }

    fn package(&self) -> Reference<'_> {
        Reference {
            is_cluster_scoped: self.is_cluster_scoped,
            namespace: self.package_namespace.as_deref(),
            name: &self.package_name,
            uid: &self.package_uid,
        }
    }

    fn verify(&self) -> Result<PackageIdentity, Mismatch> {
        RevisionClaim {
            place: self.place(),
            package: self.package(),
            number: self.number,
            image_digest: &self.image_digest,
            content_digest: &self.content_digest,
            content_secrets: &self.content_secrets,
        }
        .verify(SYSTEM)
    }

    fn verify_as_ledger(&self) -> Result<PackageIdentity, Mismatch> {
        LedgerClaim {
            place: self.place(),
            package: self.package(),
            shard: i32::try_from(self.number).unwrap(),
        }
        .verify(SYSTEM)
    }
}

fn package(namespace: Option<&str>) -> PackageIdentity {
    PackageIdentity {
        uid: "0b5e0e5c-7d3f-4b8e-9a3e-5a7c1b2d3e4f".parse().unwrap(),
        namespace: namespace.map(str::to_owned),
        name: "fleet".to_owned(),
    }
}

fn cluster_package() -> Object {
    Object::of(&package(None), 2, &[Digest::of(b"part")])
}

fn refused(change: impl FnOnce(&mut Object)) -> Mismatch {
    let mut object = cluster_package();
    change(&mut object);
    object.verify().expect_err("it does not fit")
}

#[test]
fn a_revision_that_the_hub_made_is_of_its_package() {
    assert_eq!(cluster_package().name, "fleet-0b5e0e5c-2");
    assert_eq!(cluster_package().verify(), Ok(package(None)));
    let namespaced = Object::of(&package(Some("shop")), 1, &[Digest::of(b"part")]);
    assert_eq!(namespaced.namespace, "shop");
    assert_eq!(namespaced.verify(), Ok(package(Some("shop"))));
}

#[test]
fn a_revision_outside_the_namespace_of_its_package_is_refused() {
    let moved = refused(|it| it.namespace = "tenant".into());
    assert_eq!(moved, Mismatch::Namespace);
    let mut namespaced = Object::of(&package(Some("shop")), 1, &[Digest::of(b"part")]);
    namespaced.namespace = SYSTEM.into();
    assert_eq!(namespaced.verify(), Err(Mismatch::Namespace));
}

#[test]
fn a_revision_whose_name_does_not_follow_from_what_it_says_is_refused() {
    for name in ["fleet-0b5e0e5c-3", "fleet-0b5e0e5c-02", "fleet-2", "forged"] {
        assert_eq!(refused(|it| it.name = name.into()), Mismatch::Name);
    }
    assert_eq!(refused(|it| it.number = 1000), Mismatch::Name);
    let renamed = refused(|it| it.package_name = "other".into());
    assert_eq!(renamed, Mismatch::Name);
}

#[test]
fn a_revision_of_a_kind_that_does_not_fit_the_namespace_is_refused() {
    assert_eq!(refused(|it| it.is_cluster_scoped = false), Mismatch::Kind);
    let kind = refused(|it| it.package_namespace = Some(SYSTEM.into()));
    assert_eq!(kind, Mismatch::Kind);
}

#[test]
fn a_revision_that_names_no_uid_as_the_api_server_writes_it_is_refused() {
    for uid in ["", "u-1", "0B5E0E5C-7D3F-4B8E-9A3E-5A7C1B2D3E4F"] {
        assert_eq!(
            refused(|it| it.package_uid = uid.into()),
            Mismatch::PackageUid
        );
    }
}

#[test]
fn a_number_that_the_hub_never_gives_is_refused() {
    let above = i64::try_from(MAX_NUMBER).unwrap() + 1;
    for number in [i64::MIN, -1, 0, above, i64::MAX] {
        let odd = refused(|it| {
            it.number = number;
            it.name = format!("fleet-0b5e0e5c-{number}");
        });
        assert_eq!(odd, Mismatch::Number);
    }
}

#[test]
fn a_revision_without_digests_is_refused() {
    for digest in ["", "sha256:1", "latest"] {
        let content = refused(|it| it.content_digest = digest.into());
        let image = refused(|it| it.image_digest = digest.into());
        assert_eq!((content, image), (Mismatch::Digest, Mismatch::Digest));
    }
}

#[test]
fn a_revision_that_names_a_secret_that_is_no_content_is_refused() {
    let part = content_name(&Digest::of(b"part"));
    for name in [
        "stevedore-ca".to_owned(),
        format!("content-{part}"),
        format!("{part}0"),
        part.to_uppercase(),
        format!("content-{}", "G".repeat(64)),
        String::new(),
    ] {
        let other = refused(|it| it.content_secrets.push(name.clone()));
        assert_eq!(other, Mismatch::ContentSecret, "{name}");
    }
    let none = refused(|it| it.content_secrets.clear());
    assert_eq!(none, Mismatch::ContentSecret);
}

#[test]
fn the_owner_of_a_record_is_the_very_package_that_the_hub_knows_by_its_uid() {
    let known = package(None);
    assert_eq!(Mismatch::owner(&known, Some(&known)), None);
    let unknown = Mismatch::owner(&known, None);
    assert_eq!(unknown, Some(Mismatch::UnknownPackage));
    let other = Mismatch::owner(&package(Some("tenant")), Some(&known));
    assert_eq!(other, Some(Mismatch::OtherPackage));
}

#[test]
fn a_ledger_is_of_its_package_when_namespace_name_kind_and_uid_fit() {
    let mut ledger = Object::of(&package(Some("shop")), 0, &[]);
    assert_eq!(ledger.verify_as_ledger(), Err(Mismatch::Namespace));
    ledger.namespace = SYSTEM.into();
    assert_eq!(ledger.verify_as_ledger(), Ok(package(Some("shop"))));
    let refused = |change: fn(&mut Object)| {
        let mut ledger = ledger.clone();
        change(&mut ledger);
        ledger.verify_as_ledger().unwrap_err()
    };
    assert_eq!(refused(|it| it.name.push('0')), Mismatch::Name);
    assert_eq!(refused(|it| it.number = 1), Mismatch::Name);
    assert_eq!(refused(|it| it.number = -1), Mismatch::Number);
    assert_eq!(refused(|it| it.is_cluster_scoped = true), Mismatch::Kind);
    let uid = refused(|it| it.package_uid = "u-1".into());
    assert_eq!(uid, Mismatch::PackageUid);
}

#[test]
fn the_next_number_is_above_all_that_are_kept_and_never_above_the_highest() {
    assert_eq!(next_number([]), Some(1));
    assert_eq!(next_number([2, 7, 3]), Some(8));
    assert_eq!(next_number([MAX_NUMBER - 1]), Some(MAX_NUMBER));
    assert_eq!(next_number([MAX_NUMBER]), None);
    assert_eq!(next_number([u64::MAX]), None);
}

fn identity() -> impl Strategy<Value = PackageIdentity> {
    // Few names, so that what is told apart is often alike.
    let namespace = prop::option::of("(shop|stevedore-system|tenant)");
    let uid = prop_oneof![Just([1; 16]), any::<[u8; 16]>()];
    (uid, namespace, "(fleet|fleet-1|a)").prop_map(|(uid, namespace, name)| PackageIdentity {
        uid: PackageUid::from_bytes(uid),
        namespace,
        name,
    })
}

/// One change of one field.
fn change() -> impl Strategy<Value = (usize, String, i64)> {
    let text = "(shop|stevedore-system|tenant|fleet-1|fleet-01010101-1|stevedore-ca|.{0,50})";
    let number = prop_oneof![any::<i64>(), 0_i64..4];
    (0_usize..10, text, number)
}

fn apply(object: &mut Object, (field, text, number): (usize, String, i64)) {
    match field {
        0 => object.namespace = text,
        1 => object.name = text,
        2 => object.is_cluster_scoped = !object.is_cluster_scoped,
        3 => object.package_namespace = Some(text),
        4 => object.package_name = text,
        5 => object.package_uid = text,
        6 => object.number = number,
        7 => object.image_digest = text,
        8 => object.content_digest = text,
        _ => object.content_secrets.push(text),
    }
}

proptest! {
    #[test]
    fn what_the_hub_makes_is_believed(
        package in identity(),
        number in 1..=MAX_NUMBER,
        parts in prop::collection::vec(any::<[u8; 32]>(), 1..4),
    ) {
        let parts: Vec<_> = parts.into_iter().map(Digest::from_bytes).collect();
        let object = Object::of(&package, number, &parts);
        prop_assert_eq!(object.verify(), Ok(package));
    }

    /// Only the records that the hub would make itself are of a package: whatever is changed about one.
    #[test]
    fn what_is_believed_is_where_the_hub_would_put_it(
        package in identity(),
        number in 1_u64..4,
        changes in prop::collection::vec(change(), 0..4),
    ) {
        let mut object = Object::of(&package, number, &[Digest::of(b"part")]);
        for one in changes {
            apply(&mut object, one);
        }
        if let Ok(package) = object.verify() {
            let parts: Option<Vec<_>> =
                object.content_secrets.iter().map(|name| content_digest(name)).collect();
            let parts = parts.expect("names of content only");
            let same = Object::of(&package, u64::try_from(object.number).unwrap(), &parts);
            prop_assert_eq!(
                (&object.namespace, &object.name, &object.package_uid, &object.content_secrets),
                (&same.namespace, &same.name, &same.package_uid, &same.content_secrets)
            );
            prop_assert_eq!(object.is_cluster_scoped, package.namespace.is_none());
        }
    }

    #[test]
    fn numbers_that_are_believed_leave_room_for_the_next(numbers in prop::collection::vec(1..MAX_NUMBER, 0..9)) {
        let next = next_number(numbers.iter().copied()).expect("there is one left");
        prop_assert!(numbers.iter().all(|number| *number < next) && next <= MAX_NUMBER);
    }
}

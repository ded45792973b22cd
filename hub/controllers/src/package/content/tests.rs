use super::*;
use crate::mock_api::{self, fleet, revision};

/// A package's files, packed as they are stored.
fn stored() -> (Digest, Vec<Part>) {
    let mut files = PackageFiles::new();
    let manifest = "apiVersion: manifests.package-operator.run/v1alpha1\nkind: PackageManifest\n\
         metadata: {name: fleet}\nspec:\n  scopes: [Cluster]\n  phases: [{name: one}]\n";
    files.insert("manifest.yaml", manifest.into()).unwrap();
    let stored = files.to_stored().unwrap();
    (stored.files, stored.parts)
}

/// Reads a package back from these Secrets.
async fn read(secret: Secret) -> Result<Arc<Package>, ReadError> {
    let mut revision = revision(&fleet(None), 1, &[&secret]);
    revision.spec.content_digest = stored().0.to_string();
    let server = move |request: &mock_api::Request| {
        mock_api::secrets(std::slice::from_ref(&secret), request).unwrap()
    };
    let (hub, _) = mock_api::hub(server).await;
    package_of(&hub, &revision).await
}

fn content() -> Secret {
    mock_api::content(&stored().1[0].bytes)
}

/// What is made of a Secret that somebody changed.
fn refused(change: impl FnOnce(&mut Secret)) -> PartError {
    let mut secret = content();
    change(&mut secret);
    part_of(secret).unwrap_err()
}

#[test]
fn a_secret_is_content_by_type_name_and_bytes() {
    assert_eq!(part_of(content()), Ok(stored().1.remove(0)));
    for type_ in [None, Some("Opaque".to_owned())] {
        assert_eq!(refused(|secret| secret.type_ = type_), PartError::Type);
    }
    let name = content().name_any();
    for name in ["stevedore-ca".to_owned(), format!("content-{name}")] {
        let odd = refused(|secret| secret.metadata.name = Some(name));
        assert_eq!(odd, PartError::Name);
    }
    assert_eq!(refused(|secret| secret.data = None), PartError::Empty);
    let bytes = BTreeMap::from([(PART.to_owned(), ByteString(b"forged".to_vec()))]);
    assert_eq!(
        refused(|secret| secret.data = Some(bytes)),
        PartError::Bytes
    );
}

#[tokio::test]
async fn a_package_is_read_from_secrets_that_are_content_and_from_no_others() {
    read(content()).await.unwrap();
    let mut other = content();
    other.type_ = Some("Opaque".to_owned());
    let is_refused = |read: Result<_, ReadError>, expected| match read {
        Err(ReadError::Part { why, .. }) => why == expected,
        _ => false,
    };
    assert!(is_refused(read(other).await, PartError::Type));
    let mut forged = content();
    let bytes = BTreeMap::from([(PART.to_owned(), ByteString(b"forged".to_vec()))]);
    forged.data = Some(bytes);
    assert!(is_refused(read(forged).await, PartError::Bytes));
    // Parts that are what they are named by, and of another package.
    let other = mock_api::content(b"of another package");
    read(other).await.unwrap_err();
}

#[tokio::test]
async fn a_name_that_another_secret_has_is_an_error_and_an_equal_part_is_none() {
    let parts = || vec![stored().1.remove(0)];
    let store_beside = async |secret: Secret| {
        let server = move |request: &mock_api::Request| {
            mock_api::secrets(std::slice::from_ref(&secret), request).unwrap()
        };
        let (hub, _) = mock_api::hub(server).await;
        store(&hub, parts()).await
    };
    let names = vec![content().name_any()];
    assert_eq!(store_beside(content()).await.unwrap(), names);
    assert_eq!(store_beside(mock_api::content(b"b")).await.unwrap(), names);
    let mut other = content();
    other.type_ = Some("Opaque".to_owned());
    let error = store_beside(other).await.unwrap_err();
    let StoreError::Taken { name, why } = error else {
        panic!("{error}");
    };
    assert_eq!((vec![name], why), (names, PartError::Type));
}
